"""Parameters that ask for what only whoever runs a database can do: refused, unless they ask for nothing."""

from collections.abc import Mapping
from typing import Any

from strongroom.services.rds.errors import not_served

KEPT = (
    "DBInstanceClass",
    "AllocatedStorage",
    "AutoMinorVersionUpgrade",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
)
"""What is told again as it was said, and means nothing here: clients send it unasked, and look for it afterwards."""

SERVED = frozenset(
    {
        *KEPT,
        "DBInstanceIdentifier",
        "DBName",
        "Engine",
        "EngineVersion",
        "MasterUsername",
        "MasterUserPassword",
        "Port",
        "DBPortNumber",
        "Tags",
        "DeletionProtection",
        "ManageMasterUserPassword",
        "MasterUserSecretKmsKeyId",
        "RotateMasterUserPassword",
        "ApplyImmediately",
    }
)


def refuse_what_is_not_served(params: Mapping[str, Any]) -> None:
    """Raise InvalidParameterCombination for a parameter that would have something done that is not."""
    for name, value in params.items():
        if name not in SERVED and value not in (None, False, 0, "", [], {}):
            raise not_served(name)


def kept_settings(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a request says."""
    return {name: params[name] for name in KEPT if params.get(name) is not None}
