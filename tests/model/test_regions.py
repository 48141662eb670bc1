"""The Regions of botocore's data."""

from strongroom.model.regions import region_names


def test_regions_of_every_partition_and_nothing_else() -> None:
    assert {"us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1"} <= region_names()
    assert not [name for name in region_names() if name.endswith("global")]
