"""Systems Manager Parameter Store. Importing this package registers its operations.

`put_parameter`, `get_parameter`, `by_path`, `history`, `describe`, `deletion`, `labels`, `tags`, `resource_policies`
and `settings` are what callers do; `expiry` is what happens by itself. No other tool of Systems Manager is served.
"""

from strongroom.services.ssm import (
    by_path,
    deletion,
    describe,
    expiry,
    get_parameter,
    history,
    labels,
    put_parameter,
    resource_policies,
    settings,
    tags,
)
from strongroom.services.ssm.service import SSM

__all__ = [
    "SSM",
    "by_path",
    "deletion",
    "describe",
    "expiry",
    "get_parameter",
    "history",
    "labels",
    "put_parameter",
    "resource_policies",
    "settings",
    "tags",
]
