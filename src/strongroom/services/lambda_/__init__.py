"""AWS Lambda: functions, as they are made, changed and described. Importing this package registers its operations.

`function` is what the versions of a function have in common, `function_version` what is frozen of each,
`function_directory` where both are found, `access` who may do what with them; `code` keeps archives, `environment`
encrypts variables through KMS, `execution_role` knows who a function runs as. The operations are in the modules of
their nouns.
"""

from strongroom.services.lambda_ import (
    aliases,
    code_updates,
    concurrency,
    configuration_updates,
    creation,
    deletion,
    description,
    event_invoke_configs,
    listing,
    permissions,
    tagging,
    unmanaged,
    versions,
)
from strongroom.services.lambda_.invocation import invoke
from strongroom.services.lambda_.layers import layer_permissions, layer_versions, publishing
from strongroom.services.lambda_.service import LAMBDA

__all__ = [
    "LAMBDA",
    "aliases",
    "code_updates",
    "concurrency",
    "configuration_updates",
    "creation",
    "deletion",
    "description",
    "event_invoke_configs",
    "invoke",
    "layer_permissions",
    "layer_versions",
    "listing",
    "permissions",
    "publishing",
    "tagging",
    "unmanaged",
    "versions",
]
