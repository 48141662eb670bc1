"""Lambda's quotas, with the names, codes and default values that AWS has where it tells them.

Source: AWS Lambda Developer Guide, "Lambda quotas". Codes that AWS tells nowhere but in its console are readable ones
of our own.
"""

from strongroom.operations.quotas.quota import RequestQuota, ResourceQuota, declare
from strongroom.services.lambda_ import tables

_SERVICE = "lambda"

GIGABYTE = 1024**3

STORAGE_QUOTA = ResourceQuota(
    _SERVICE,
    "L-2ACBD22F",
    "Function and layer storage",
    75,
    description="Gigabytes of deployment packages and layers, as they were uploaded, in a Region.",
    measure=tables.stored_bytes_of_accounts,
)
CONCURRENCY_QUOTA = ResourceQuota(
    _SERVICE,
    "L-B99A9384",
    "Concurrent executions",
    1_000,
    description="Invocations that run at the same time, of all functions in a Region.",
)
POLICY_BYTES_QUOTA = ResourceQuota(
    _SERVICE,
    "FunctionResourcePolicySize",
    "Function resource-based policy",
    20_480,
    description="Bytes of the resource policy of a function, a version or an alias.",
    adjustable=False,
)

_CONTROL = RequestQuota(
    _SERVICE,
    "ControlPlaneRate",
    "Rate of control plane API requests (excludes invocation, GetFunction, and GetPolicy requests)",
    15,
    description="Requests of all other operations together, in a second.",
    adjustable=False,
)
_GET_FUNCTION = RequestQuota(
    _SERVICE,
    "GetFunctionRate",
    "Rate of GetFunction API requests",
    100,
    description="GetFunction requests, in a second.",
    adjustable=False,
)
_GET_POLICY = RequestQuota(
    _SERVICE,
    "GetPolicyRate",
    "Rate of GetPolicy API requests",
    15,
    description="GetPolicy requests, in a second.",
    adjustable=False,
)

_OWN = {"GetFunction": _GET_FUNCTION, "GetPolicy": _GET_POLICY}

declare(
    "AWS Lambda",
    [STORAGE_QUOTA, CONCURRENCY_QUOTA, POLICY_BYTES_QUOTA, _CONTROL, _GET_FUNCTION, _GET_POLICY],
)


def own_quota(operation: str) -> RequestQuota:
    """Return what an operation of the control plane counts against."""
    return _OWN.get(operation, _CONTROL)
