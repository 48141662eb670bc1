"""Regions and Availability Zones as EC2 lists them. Source: Amazon EC2 API Reference, DescribeRegions,
DescribeAvailabilityZones."""

from collections.abc import Mapping
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.model.regions import region_names
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.ec2 import errors
from strongroom.services.ec2.listing import checked_filters, matches
from strongroom.services.ec2.served import ec2_operation
from strongroom.services.ec2.zones import zone_id, zone_names

_OPTED_IN = "opt-in-not-required"
_ZONE_FILTERS = {
    "group-name": "GroupName",
    "message": "",
    "opt-in-status": "OptInStatus",
    "parent-zone-id": "",
    "parent-zone-name": "",
    "region-name": "RegionName",
    "state": "State",
    "zone-id": "ZoneId",
    "zone-name": "ZoneName",
    "zone-type": "ZoneType",
}
_REGION_FILTERS = {"endpoint": "Endpoint", "opt-in-status": "OptInStatus", "region-name": "RegionName"}


def _shown_zone(region: str, zone: str) -> dict[str, Any]:
    return {
        "ZoneName": zone,
        "ZoneId": zone_id(zone),
        "RegionName": region,
        "State": "available",
        "OptInStatus": _OPTED_IN,
        "Messages": [],
        "GroupName": f"{region}-zg-1",
        "NetworkBorderGroup": region,
        "ZoneType": "availability-zone",
    }


def _shown_region(region: str) -> dict[str, Any]:
    return {"RegionName": region, "Endpoint": f"ec2.{region}.amazonaws.com", "OptInStatus": _OPTED_IN}


def _is_kept(shown: Mapping[str, Any], sent: Any, known: Mapping[str, str]) -> bool:
    for name, patterns in checked_filters(sent, known):
        member = known.get(name, "")
        if not member or not matches(shown[member], patterns):
            return False
    return True


@ec2_operation("DescribeAvailabilityZones", reads_only=True)
async def describe_availability_zones(call: Call) -> Answer:
    """List the zones of the Region. Source: API Reference, DescribeAvailabilityZones."""
    params = call.params
    zones = [_shown_zone(call.region, zone) for zone in zone_names(call.region)]
    for member, shown_as in (("ZoneNames", "ZoneName"), ("ZoneIds", "ZoneId")):
        wanted = params.get(member)
        if wanted:
            for each in wanted:
                if all(zone[shown_as] != each for zone in zones):
                    raise errors.invalid(f"Invalid availability zone: [{each[:64]}]")
            zones = [zone for zone in zones if zone[shown_as] in wanted]
    return {"AvailabilityZones": [zone for zone in zones if _is_kept(zone, params.get("Filters"), _ZONE_FILTERS)]}


@ec2_operation("DescribeRegions", reads_only=True)
async def describe_regions(call: Call) -> Answer:
    """List Regions. Source: API Reference, DescribeRegions."""
    params = call.params
    names = sorted({*region_names(), call.region})
    wanted = params.get("RegionNames")
    if wanted:
        for each in wanted:
            if each not in names:
                raise AwsError("InvalidParameterValue", f"Invalid region: [{each[:64]}]")
        names = [name for name in names if name in wanted]
    regions = [_shown_region(name) for name in names]
    return {"Regions": [region for region in regions if _is_kept(region, params.get("Filters"), _REGION_FILTERS)]}
