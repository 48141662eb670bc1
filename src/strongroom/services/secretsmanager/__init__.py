"""Secrets Manager. Importing this package registers its operations.

`secret` is what a secret is, `secret_directory` where it is found, `access` who may do what with it; `sealing` encrypts
and opens values through KMS; `staging` keeps versions and labels, `mirroring` makes replicas follow, `schedule` tells
when a rotation is due. The operations are in the modules of their nouns.
"""

from strongroom.services.secretsmanager import (
    creation,
    deletion,
    description,
    listing,
    new_values,
    random_passwords,
    replication,
    resource_policies,
    retrieval,
    rotation,
    tagging,
)
from strongroom.services.secretsmanager.service import SECRETS_MANAGER

__all__ = [
    "SECRETS_MANAGER",
    "creation",
    "deletion",
    "description",
    "listing",
    "new_values",
    "random_passwords",
    "replication",
    "resource_policies",
    "retrieval",
    "rotation",
    "tagging",
]
