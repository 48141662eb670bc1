"""Parameter Store's quotas: requests a second, at the default and at the higher throughput, and numbers of parameters.

Source: AWS General Reference, "AWS Systems Manager endpoints and quotas". AWS tells the codes of these quotas in its
console alone: they have readable ones of our own.
"""

from functools import partial

from strongroom.operations.call import Call
from strongroom.operations.quotas.quota import Charges, RequestQuota, ResourceQuota, declare
from strongroom.services.ssm.parameters import ADVANCED, STANDARD
from strongroom.services.ssm.settings import ServiceSettings
from strongroom.services.ssm.tables import parameters_of_accounts

_SERVICE = "ssm"
_SERVICE_NAME = "AWS Systems Manager"
_SHARING = "GetParameter, GetParameters, GetParametersByPath and PutParameter"

THROUGHPUT_QUOTA = RequestQuota(
    _SERVICE,
    "ParameterStore-default-rate",
    "Parameter Store default throughput",
    40,
    description=f"{_SHARING} requests together, in a second, unless the higher throughput is enabled.",
)


def _higher(operation: str, rate: float) -> RequestQuota:
    return RequestQuota(
        _SERVICE,
        f"ParameterStore-{operation}-rate",
        f"Parameter Store higher throughput ({operation})",
        rate,
        description=f"{operation} requests, in a second, where the higher throughput is enabled.",
        metric=operation,
    )


_HIGHER = {
    "GetParameter": _higher("GetParameter", 10_000),
    "GetParameters": _higher("GetParameters", 1_000),
    "GetParametersByPath": _higher("GetParametersByPath", 100),
    "PutParameter": _higher("PutParameter", 100),
}

STANDARD_PARAMETERS_QUOTA = ResourceQuota(
    _SERVICE,
    "ParameterStore-standard-parameters",
    "Standard parameters",
    10_000,
    description="Parameters of the standard tier in a Region.",
    adjustable=False,
    measure=partial(parameters_of_accounts, tier=STANDARD),
)
ADVANCED_PARAMETERS_QUOTA = ResourceQuota(
    _SERVICE,
    "ParameterStore-advanced-parameters",
    "Advanced parameters",
    100_000,
    description="Parameters of the advanced tier in a Region.",
    adjustable=False,
    measure=partial(parameters_of_accounts, tier=ADVANCED),
)

PARAMETERS_QUOTAS = {STANDARD: STANDARD_PARAMETERS_QUOTA, ADVANCED: ADVANCED_PARAMETERS_QUOTA}

declare(_SERVICE_NAME, [THROUGHPUT_QUOTA, *_HIGHER.values(), STANDARD_PARAMETERS_QUOTA, ADVANCED_PARAMETERS_QUOTA])


def throughput(call: Call) -> Charges:
    """Return what a call counts against: its own quota at the higher throughput, else the one that all share."""
    if call.house.part(ServiceSettings).has_high_throughput(call.account_id, call.region):
        return _HIGHER[call.operation.name].once
    return THROUGHPUT_QUOTA.once
