"""The layers that a function names: found, allowed, and few and small enough.

Source: AWS Lambda Developer Guide, "Managing Lambda dependencies with layers"; recorded answers.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from strongroom.base.arn import parse_arn
from strongroom.identities.compiled import compiled
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.policy.document import PolicyKind
from strongroom.policy.policies import NamedPolicy
from strongroom.services.lambda_ import errors
from strongroom.services.lambda_.function_directory import code_of
from strongroom.services.lambda_.function_version import Code, UsedLayer
from strongroom.services.lambda_.layers import tables
from strongroom.services.lambda_.zip_archives import UNZIPPED_BYTES_MAX
from strongroom.storage.connection import Connection

LAYERS_MAX = 5
NUMBER_DIGITS_MAX = 9


class NamedLayer(NamedTuple):
    """A version of a layer by its ARN: the layer's, the number, and the account that owns it."""

    arn: str
    number: int
    account_id: str

    @property
    def version_arn(self) -> str:
        """The ARN of the version."""
        return f"{self.arn}:{self.number}"


def read_layer_version_arn(text: str) -> NamedLayer | None:
    """Return the version of a layer that an ARN names, None for what names none."""
    arn = parse_arn(text)
    if arn is None or arn.service != "lambda":
        return None
    kind, _, rest = arn.resource.partition(":")
    name, _, number = rest.partition(":")
    if kind != "layer" or not name or not number.isdecimal() or len(number) > NUMBER_DIGITS_MAX:
        return None
    return NamedLayer(text.rpartition(":")[0], int(number), arn.account_id)


async def find_layer_version(call: Call, named: NamedLayer) -> Any:
    """Return the row of a version of a layer, None for one that is not there or was deleted."""
    row = await call.read(lambda connection: tables.select_layer_version(connection, named.arn, named.number))
    return None if row is None or row.is_deleted else row


def on_layer_version(call: Call, named: NamedLayer, row: Any, action: str) -> Requirement:
    """Return the requirement of an action on a version of a layer, decided with its policy.

    Whether another account's layer exists, a refusal does not tell.
    """
    policy = None
    if row is not None and row.policy is not None:
        policy = NamedPolicy(f"resource policy of {named.version_arn}", compiled(row.policy, PolicyKind.RESOURCE))
    own = named.account_id == call.account_id
    return Requirement(
        action=action,
        resource=named.version_arn,
        account_id=named.account_id,
        policy=policy,
        refusal=None if own else errors.denied_elsewhere(call.caller.arn, action, named.version_arn),
    )


async def requirements_of_layers(call: Call) -> Sequence[Requirement]:
    """Return what is needed to use the layers that a request names: lambda:GetLayerVersion on each."""
    needed = []
    for text in call.params.get("Layers") or ():
        named = read_layer_version_arn(text)
        if named is not None:
            row = await find_layer_version(call, named)
            needed.append(on_layer_version(call, named, row, "lambda:GetLayerVersion"))
    return needed


async def named_layers(call: Call) -> tuple[UsedLayer, ...] | None:
    """Return the layers that a request names, in its order, None for a request that says nothing of them.

    Raises InvalidParameterValueException for more than LAYERS_MAX, for one that is not there, is of another Region, or
    is there twice.
    """
    texts: Sequence[str] | None = call.params.get("Layers")
    if texts is None:
        return None
    if len(texts) > LAYERS_MAX:
        raise errors.invalid_parameter(f"Cannot reference more than {LAYERS_MAX} layers.")
    found: list[UsedLayer] = []
    names: dict[str, str] = {}
    for text in texts:
        named = read_layer_version_arn(text)
        if named is None:
            raise errors.invalid_parameter(f"Layer version {text} does not exist.")
        if named.arn in names:
            raise errors.invalid_parameter(
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{names[named.arn]} and {text} are versions of the same layer."
            )
        names[named.arn] = text
        row = await find_layer_version(call, named)
        if row is None:
            raise errors.invalid_parameter(f"Layer version {text} does not exist.")
        if parse_arn(text).region != call.region:  # type: ignore[union-attr]
            raise errors.invalid_parameter(
                f"Layers are not in the same region as the function. Layers are expected to be in region {call.region}."
            )
        found.append(UsedLayer(text, code_of(row)))
    return tuple(found)


def check_unzipped_size(code: Code, layers: Sequence[UsedLayer]) -> None:
    """Raise InvalidParameterValueException for code that is too long together with its layers."""
    size = code.unzipped_size + sum(layer.code.unzipped_size for layer in layers)
    if size > UNZIPPED_BYTES_MAX:
        raise errors.invalid_parameter(
            "Function code combined with layers exceeds the maximum allowed size of "
            f"{UNZIPPED_BYTES_MAX} bytes. The actual size is {size} bytes."
        )


def put_layers(connection: Connection, function_arn: str, number: int, layers: Sequence[UsedLayer]) -> None:
    """Write which layers a version of a function uses.

    Raises InvalidParameterValueException when one was deleted for good meanwhile.
    """
    uses = []
    for layer in layers:
        named = read_layer_version_arn(layer.arn)
        if named is None or tables.select_layer_version(connection, named.arn, named.number) is None:
            raise errors.invalid_parameter(f"Layer version {layer.arn} does not exist.")
        uses.append((named.arn, named.number))
    tables.put_uses(connection, function_arn, number, uses)
