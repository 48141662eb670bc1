"""GetParameter and GetParameters: values by name, by ARN, by version or by label.

Source: AWS Systems Manager API Reference, GetParameter, GetParameters.
"""

from collections.abc import Sequence
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.ssm import errors, tables
from strongroom.services.ssm.access import find_named, on_parameter, read_of_parameter
from strongroom.services.ssm.names import Named
from strongroom.services.ssm.parameter_directory import existing
from strongroom.services.ssm.parameters import Parameter, Version, version_of, with_value
from strongroom.services.ssm.quotas import throughput
from strongroom.services.ssm.secret_references import referenced_secret
from strongroom.services.ssm.service import SSM
from strongroom.services.ssm.settings import ServiceSettings
from strongroom.services.ssm.values import value_of

Found = tuple[Named, Parameter | None]

VERSION_NUMBER_MAX = 2**63 - 1
_INVALID = frozenset({"ParameterNotFound", "ParameterVersionNotFound", "ValidationException"})
"""What makes GetParameters list a name as invalid."""


@operation(SSM, "GetParameter", needs=read_of_parameter("ssm:GetParameter"), quota=throughput, reads_only=True)
async def get_parameter(call: Call) -> Answer:
    """Return one parameter with its value. Source: AWS Systems Manager API Reference, GetParameter."""
    return {"Parameter": await _shown(call, call.target, bool(call.params.get("WithDecryption")))}


async def _needs_of_get_parameters(call: Call) -> Sequence[Requirement]:
    await call.house.part(ServiceSettings).know(call.account_id, call.region)
    found: dict[str, Found | None] = {}
    for text in call.params["Names"]:
        try:
            found[text] = await find_named(call, text)
        except AwsError:
            # It is no name: there is nothing that could be allowed or denied.
            found[text] = None
    call.target = found
    return [on_parameter(*each, "ssm:GetParameters") for each in found.values() if each is not None]


@operation(SSM, "GetParameters", needs=_needs_of_get_parameters, quota=throughput, reads_only=True)
async def get_parameters(call: Call) -> Answer:
    """Return up to ten parameters with their values, in the order of their names.

    Source: AWS Systems Manager API Reference, GetParameters.
    """
    shown: list[dict[str, Any]] = []
    invalid: list[str] = []
    found: dict[str, Found | None] = call.target
    for text, each in found.items():
        try:
            if each is None:
                raise errors.invalid_name()
            shown.append(await _shown(call, each, bool(call.params.get("WithDecryption"))))
        except AwsError as error:
            if error.code not in _INVALID:
                raise
            invalid.append(text)
    shown.sort(key=lambda one: (one["Name"], one.get("Selector", "")))
    return {"Parameters": shown, "InvalidParameters": invalid}


async def _shown(call: Call, found: Found, with_decryption: bool) -> dict[str, Any]:
    """Return a parameter with its value, or raise why there is none."""
    wanted, parameter = found
    if wanted.is_reference:
        return await referenced_secret(call, wanted, with_decryption=with_decryption)
    parameter = existing(parameter)
    version = parameter.version
    if wanted.selector is not None:
        version = await selected_version(call, parameter, wanted.selector)
    value = await value_of(call, parameter, version, with_decryption=with_decryption)
    return with_value(parameter, version, value, wanted.selector)


async def selected_version(call: Call, parameter: Parameter, selector: str) -> Version:
    """Return the version of a parameter that a version number or a label names. Raises ParameterVersionNotFound."""
    parameter_id = parameter.parameter_id
    if selector.isascii() and selector.isdigit():
        number = int(selector) if len(selector) < 20 else VERSION_NUMBER_MAX + 1
        if number == parameter.version.number:
            return parameter.version
        row = None
        if number <= VERSION_NUMBER_MAX:
            row = await call.read(lambda connection: tables.select_version(connection, parameter_id, number))
        if row is None:
            raise errors.version_not_found(parameter.name, selector)
    else:
        if "\x00" in selector or not selector.isascii():
            raise errors.label_not_found(parameter.name, selector)
        row = await call.read(lambda connection: tables.select_labelled(connection, parameter_id, selector))
        if row is None:
            raise errors.label_not_found(parameter.name, selector)
    return version_of(row, call.house.sealer)
