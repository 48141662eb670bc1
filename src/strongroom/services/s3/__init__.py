"""Amazon S3. Importing this package registers its operations.

`bucket_lifecycle` makes buckets, `configurations` and `lifecycle` tell them what to do, `buckets` is what they are.
`put_object`, `get_object`, `copying`, `delete_object` and `multipart` move objects, `listings` lists them, `properties`
shows and changes what they have besides their bytes. `encryption_choice` says how an object is encrypted, `object_keys`
and `bucket_keys` have its keys, `content` its bytes. `access` says which permission each operation needs,
`account_block` what no policy of an account can open. `post_object` and `cross_origin` are for browsers.
"""

from strongroom.services.s3 import (
    bucket_lifecycle,
    copying,
    cross_origin,
    delete_object,
    get_object,
    post_object,
    put_object,
    sweeping,
)
from strongroom.services.s3.account_block import operations
from strongroom.services.s3.configurations import encryption, policy, stored, tagging, versioning
from strongroom.services.s3.lifecycle import configuration, runs
from strongroom.services.s3.listings import object_listing, version_listing
from strongroom.services.s3.multipart import completion, listing, uploads
from strongroom.services.s3.properties import acls, attributes, encryption_update, locks
from strongroom.services.s3.properties import tagging as object_tagging
from strongroom.services.s3.service import S3

__all__ = [
    "S3",
    "acls",
    "attributes",
    "bucket_lifecycle",
    "completion",
    "configuration",
    "copying",
    "cross_origin",
    "delete_object",
    "encryption",
    "encryption_update",
    "get_object",
    "listing",
    "locks",
    "object_listing",
    "object_tagging",
    "operations",
    "policy",
    "post_object",
    "put_object",
    "runs",
    "stored",
    "sweeping",
    "tagging",
    "uploads",
    "version_listing",
    "versioning",
]
