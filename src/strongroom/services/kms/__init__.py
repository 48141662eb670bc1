"""AWS Key Management Service. Importing this package registers its operations.

`encryption`, `data_keys`, `signing`, `macs`, `shared_secrets` and `public_keys` use keys; `creation`, `lifecycle`,
`deletion`, `rotation`, `material_import` and `multi_region` are the life of a key; `aliases`, `tags`, `policies` and
`grants` what hangs on it. `key_directory` finds keys, `keys`, `key_specs` and `material` are what it finds,
`ciphertext` is the format of what they make, `access` says which permission each operation needs. `key_stores`
keeps keys elsewhere.
"""

from strongroom.services.kms import (
    aliases,
    creation,
    data_keys,
    deletion,
    encryption,
    last_usage,
    lifecycle,
    macs,
    material_import,
    multi_region,
    policies,
    public_keys,
    rotation,
    shared_secrets,
    signing,
    tags,
)
from strongroom.services.kms.grants import grant_creation, grant_deletion, grant_listing
from strongroom.services.kms.key_stores import connecting as key_store_connecting
from strongroom.services.kms.key_stores import creation as key_store_creation
from strongroom.services.kms.key_stores import deletion as key_store_deletion
from strongroom.services.kms.key_stores import listing as key_store_listing
from strongroom.services.kms.key_stores import update as key_store_update
from strongroom.services.kms.service import KMS

__all__ = [
    "KMS",
    "aliases",
    "creation",
    "data_keys",
    "deletion",
    "encryption",
    "grant_creation",
    "grant_deletion",
    "grant_listing",
    "key_store_connecting",
    "key_store_creation",
    "key_store_deletion",
    "key_store_listing",
    "key_store_update",
    "last_usage",
    "lifecycle",
    "macs",
    "material_import",
    "multi_region",
    "policies",
    "public_keys",
    "rotation",
    "shared_secrets",
    "signing",
    "tags",
]
