"""AWS Key Management Service. Importing this package registers its operations.

`symmetric` encrypts and decrypts; `creation`, `lifecycle`, `deletion` and `rotation` are the life of a key; `aliases`,
`tags`, `policies` and `grants` what hangs on it. `key_directory` finds keys, `keys` and `material` are what it finds,
`ciphertext` is the format of what they make, `access` says which permission each operation needs.
"""

from strongroom.services.kms import (
    aliases,
    creation,
    deletion,
    last_usage,
    lifecycle,
    policies,
    rotation,
    symmetric,
    tags,
)
from strongroom.services.kms.grants import grant_creation, grant_deletion, grant_listing
from strongroom.services.kms.service import KMS

__all__ = [
    "KMS",
    "aliases",
    "creation",
    "deletion",
    "grant_creation",
    "grant_deletion",
    "grant_listing",
    "last_usage",
    "lifecycle",
    "policies",
    "rotation",
    "symmetric",
    "tags",
]
