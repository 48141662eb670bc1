"""Labels: names for versions of a parameter, each on one version at a time.

Source: AWS Systems Manager API Reference, LabelParameterVersion, UnlabelParameterVersion; User Guide, "Working with
parameter labels".
"""

import re
from collections.abc import Iterable

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.ssm import errors, tables
from strongroom.services.ssm.access import control_of_parameter
from strongroom.services.ssm.get_parameter import VERSION_NUMBER_MAX
from strongroom.services.ssm.parameter_directory import existing
from strongroom.services.ssm.parameters import Parameter
from strongroom.services.ssm.service import SSM
from strongroom.storage.connection import Connection

LABELS_PER_VERSION_MAX = 10
_LABEL = re.compile(r"(?!aws|ssm)[a-zA-Z_.-][a-zA-Z0-9_.-]{0,99}", re.IGNORECASE)


def _existing_version(connection: Connection, parameter: Parameter, asked: int | None) -> int:
    """Return the version that a request is about, the current one where it names none.

    Raises ParameterNotFound when the parameter is gone, ParameterVersionNotFound.
    """
    row = tables.select_parameter(connection, parameter.account_id, parameter.region, parameter.name)
    if row is None or row.parameter_id != parameter.parameter_id:
        raise errors.not_found()
    version: int = row.version if asked is None else asked
    is_number = 0 < version <= VERSION_NUMBER_MAX
    if not is_number or tables.select_version(connection, parameter.parameter_id, version) is None:
        raise errors.version_not_found(parameter.name, str(version))
    return version


def _distinct(labels: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(labels))


@operation(SSM, "LabelParameterVersion", needs=control_of_parameter("ssm:LabelParameterVersion"))
async def label_parameter_version(call: Call) -> Answer:
    """Put labels on a version, and take them from others. Source: API Reference, LabelParameterVersion."""
    parameter = existing(call.target[1])
    labels = _distinct(call.params["Labels"])
    valid = [label for label in labels if _LABEL.fullmatch(label)]

    def write(connection: Connection) -> Answer:
        version = _existing_version(connection, parameter, call.params.get("ParameterVersion"))
        known = tables.select_labels(connection, parameter.parameter_id)
        on_version = {label for label, number in known.items() if number == version} | set(valid)
        if len(on_version) > LABELS_PER_VERSION_MAX:
            raise errors.too_many_labels()
        for label in valid:
            tables.put_label(connection, parameter.parameter_id, label, version)
        return {"InvalidLabels": [label for label in labels if label not in valid], "ParameterVersion": version}

    return await call.write(write)


@operation(SSM, "UnlabelParameterVersion", needs=control_of_parameter("ssm:UnlabelParameterVersion"))
async def unlabel_parameter_version(call: Call) -> Answer:
    """Take labels from a version. Source: API Reference, UnlabelParameterVersion."""
    parameter = existing(call.target[1])
    labels = _distinct(call.params["Labels"])

    def write(connection: Connection) -> Answer:
        version = _existing_version(connection, parameter, call.params["ParameterVersion"])
        known = tables.select_labels(connection, parameter.parameter_id)
        removed = [label for label in labels if known.get(label) == version]
        tables.delete_labels(connection, parameter.parameter_id, removed)
        return {"RemovedLabels": removed, "InvalidLabels": [label for label in labels if label not in removed]}

    return await call.write(write)
