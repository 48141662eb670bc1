"""How requests name layers: by a name or an ARN, with the number of a version beside it or at its end."""

from typing import NamedTuple

from strongroom.base.arn import parse_arn, partition_of
from strongroom.services.lambda_ import errors

NAME_CHARACTERS_MAX = 140
NUMBER_MAX = 999_999_999


class LayerName(NamedTuple):
    """What a request names a layer by."""

    account_id: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The layer's ARN."""
        return f"arn:{partition_of(self.region)}:lambda:{self.region}:{self.account_id}:layer:{self.name}"


def read_layer_name(text: str, account_id: str, region: str) -> LayerName:
    """Return what a request means by a layer's name or ARN.

    Raises ResourceNotFoundException for one of another Region, and InvalidParameterValueException for what is none.
    """
    arn = parse_arn(text)
    if arn is None:
        return LayerName(account_id, region, text)
    kind, _, name = arn.resource.partition(":")
    if arn.service != "lambda" or kind != "layer" or not name or ":" in name:
        raise errors.invalid_parameter(f"{text} is not the ARN of a layer.")
    if arn.region != region:
        raise errors.not_found(f"Layers from '{arn.region}' are not reachable in this region ('{region}')")
    return LayerName(arn.account_id, region, name)
