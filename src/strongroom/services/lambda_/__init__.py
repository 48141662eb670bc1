"""AWS Lambda: functions, as they are made, changed and described. Importing this package registers its operations.

`function` is what the versions of a function have in common, `function_version` what is frozen of each,
`function_directory` where both are found, `access` who may do what with them; `code` keeps archives, `environment`
encrypts variables through KMS, `execution_role` knows who a function runs as. The operations are in the modules of
their nouns.
"""

from strongroom.services.lambda_ import creation, deletion, description
from strongroom.services.lambda_.service import LAMBDA

__all__ = ["LAMBDA", "creation", "deletion", "description"]
