"""Amazon RDS, thin: databases that exist are registered, and their master user's password is kept and rotated.

Strongroom makes no database. An instance is what is known of one that somebody else runs: where it is (`endpoint`),
what its master user is called, and that user's password, either sealed here or in a secret of Secrets Manager that is
rotated by itself (`managed_password`). Importing this package registers its operations.
"""

from strongroom.services.rds import (
    creation,
    deletion,
    description,
    engine_versions,
    managed_password,
    modification,
    tagging,
)
from strongroom.services.rds.service import RDS

__all__ = [
    "RDS",
    "creation",
    "deletion",
    "description",
    "engine_versions",
    "managed_password",
    "modification",
    "tagging",
]
