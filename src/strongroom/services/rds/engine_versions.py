"""DescribeDBEngineVersions: which databases can be registered. Source: Amazon RDS API Reference."""

from collections.abc import Iterator
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.rds import errors
from strongroom.services.rds.access import account_wide
from strongroom.services.rds.description import page
from strongroom.services.rds.service import RDS

_VERSIONS = {
    "mariadb": ("MariaDB Community Edition", ("10.5", "10.6", "10.11", "11.4", "11.8")),
    "mysql": ("MySQL Community Edition", ("5.7", "8.0", "8.4")),
    "postgres": ("PostgreSQL", ("12", "13", "14", "15", "16", "17", "18")),
}
"""Major versions; whichever minor version a server has, it has."""


@operation(RDS, "DescribeDBEngineVersions", needs=account_wide("rds:DescribeDBEngineVersions"), reads_only=True)
async def describe_db_engine_versions(call: Call) -> Answer:
    """List the engines and major versions that can be registered. Raises InvalidParameterValue."""
    filters = {each["Name"]: each["Values"] for each in call.params.get("Filters") or ()}
    for name in filters:
        if name not in ("engine-version", "status", "engine-mode", "db-parameter-group-family"):
            raise errors.invalid_value(f"Unrecognized filter name: {name}")
    items = []
    for number, told in enumerate(_engine_versions()):
        if call.params.get("DefaultOnly") and not told.pop("_is_newest"):
            continue
        told.pop("_is_newest", None)
        if _is_wanted(call.params, filters, told):
            items.append((f"{number:04}", told))
    return page(call, "DBEngineVersions", items)


def _engine_versions() -> Iterator[dict[str, Any]]:
    for engine, (description, versions) in _VERSIONS.items():
        for version in versions:
            yield {
                "Engine": engine,
                "EngineVersion": version,
                "MajorEngineVersion": version,
                "DBParameterGroupFamily": f"{engine}{version}",
                "DBEngineDescription": description,
                "DBEngineVersionDescription": f"{description} {version}",
                "Status": "available",
                "ValidUpgradeTarget": [],
                "ExportableLogTypes": [],
                "SupportedFeatureNames": [],
                "SupportsReadReplica": False,
                "TagList": [],
                "_is_newest": version == versions[-1],
            }


def _is_wanted(params: dict[str, Any], filters: dict[str, Any], told: dict[str, Any]) -> bool:
    engine, version, family = (params.get(name) for name in ("Engine", "EngineVersion", "DBParameterGroupFamily"))
    if engine and engine != told["Engine"]:
        return False
    if version and version != told["EngineVersion"] and not version.startswith(f"{told['EngineVersion']}."):
        return False
    if family and family != told["DBParameterGroupFamily"]:
        return False
    named = {
        "engine-version": "EngineVersion",
        "status": "Status",
        "db-parameter-group-family": "DBParameterGroupFamily",
    }
    return all(told.get(named.get(name, "")) in values for name, values in filters.items())
