"""CloudTrail. Importing this package registers its operations and its periodic work.

`lookup` reads the audit trail for whoever asks; `trails` are made and changed in `lifecycle`, read in `reading`, told
what to log in `event_selectors`. `delivery` writes `log_files` to their `destinations`, and `digests` vouch for them.
"""

from strongroom.services.cloudtrail import (
    delivery,
    digest_keys,
    event_selectors,
    lifecycle,
    lookup,
    reading,
    tagging,
)
from strongroom.services.cloudtrail.service import CLOUDTRAIL

__all__ = [
    "CLOUDTRAIL",
    "delivery",
    "digest_keys",
    "event_selectors",
    "lifecycle",
    "lookup",
    "reading",
    "tagging",
]
