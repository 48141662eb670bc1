"""Regions and their Availability Zones. Every Region has three zones, a to c, whose ids are named as AWS names them.

Source: AWS Regions and Availability Zones, "Availability Zones" (zone ids: `use1-az1`).
"""

from strongroom.services.ec2 import errors

LETTERS = ("a", "b", "c")

_DIRECTIONS = {
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
    "central": "c",
    "northeast": "ne",
    "northwest": "nw",
    "southeast": "se",
    "southwest": "sw",
}


def zone_names(region: str) -> list[str]:
    """Return the names of a Region's zones."""
    return [f"{region}{letter}" for letter in LETTERS]


def zone_id(zone: str) -> str:
    """Return the id of a zone that has this name: `use1-az2` for `us-east-1b`."""
    region, letter = zone[:-1], zone[-1]
    first, *others = region.split("-")
    number = others.pop() if others else ""
    short = "".join(_DIRECTIONS.get(part, part[:1]) for part in others)
    return f"{first}{short}{number}-az{LETTERS.index(letter) + 1}"


def chosen_zone(region: str, name: str | None, wanted_id: str | None, fallback: int) -> str:
    """Return the zone that a request means: by name or by id, or the one with the number `fallback`.

    Raises AwsError for a zone that the Region does not have, and for both at once.
    """
    zones = zone_names(region)
    if name and wanted_id:
        raise errors.combination("You cannot specify both an Availability Zone and an Availability Zone ID.")
    if name:
        if name not in zones:
            why = f"Subnets can currently only be created in the following availability zones: {', '.join(zones)}."
            raise errors.invalid_value(name, "availabilityZone", why)
        return name
    if wanted_id:
        for zone in zones:
            if zone_id(zone) == wanted_id:
                return zone
        raise errors.invalid_value(wanted_id, "availabilityZoneId")
    return zones[fallback % len(zones)]
