"""The Regions that AWS has, by botocore's data: no model of a service has to name them."""

from functools import cache

import msgspec

from strongroom.model.load import data_directory


@cache
def region_names() -> frozenset[str]:
    """Return the names of the Regions of all partitions, such as `eu-west-1`."""
    document = msgspec.json.decode((data_directory() / "partitions.json").read_bytes())
    names = {name for partition in document["partitions"] for name in partition["regions"]}
    return frozenset(name for name in names if not name.endswith("-global"))
