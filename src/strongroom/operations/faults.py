"""Faults made on purpose, for tests of what applications do when they are refused.

A house has none, and no way to get any, unless the process that opened it was started for tests (`testing/`). What they
make the door answer is what AWS answers, and it passes the whole way: signature, authorisation, audit trail.
"""

import itertools
import json
import random
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from strongroom.base.errors import AwsError
from strongroom.operations.registry import OPERATIONS, SERVICES
from strongroom.policy.decision import Decision
from strongroom.policy.document import parse
from strongroom.policy.policies import NamedPolicy

if TYPE_CHECKING:
    from strongroom.operations.call import Call

POLICY_SOURCE = "service control policy of a test"

# Source: AWS KMS API Reference, "Common errors" and the errors of Decrypt; "Key states of AWS KMS keys".
OUTAGES = {
    "KeyUnavailableException": (
        500,
        "The request was rejected because the specified KMS key was not available. You can retry the request.",
    ),
    "KMSInternalException": (
        500,
        "The request was rejected because an internal exception occurred. The request can be retried.",
    ),
    "DependencyTimeoutException": (
        500,
        "The system timed out while trying to fulfill the request. You can retry the request.",
    ),
    "DisabledException": (400, "{arn} is disabled."),
    "KMSInvalidStateException": (400, "{arn} is pending deletion."),
}

_ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


class Throttle:
    """Refuses an account's calls of one operation, or of a whole service, as being over their quota.

    `times` refuses the next so many calls, `share` that share of them (of 1), `rate` what comes faster than so many a
    second. One of them is given, or none: then every call is refused.
    """

    def __init__(
        self,
        account_id: str,
        service: str,
        operation: str | None,
        *,
        times: int | None = None,
        rate: float | None = None,
        share: float | None = None,
    ) -> None:
        if service not in SERVICES:
            raise ValueError(f"{service!r} is no service of Strongroom's; {', '.join(sorted(SERVICES))} are")
        if operation is not None and (service, operation) not in OPERATIONS:
            raise ValueError(f"{operation!r} is no operation that Strongroom serves of {service}")
        if sum(choice is not None for choice in (times, rate, share)) > 1:
            raise ValueError("choose one of times, rate and share")
        if (times is not None and times < 1) or (rate is not None and rate <= 0) or not 0 <= (share or 0) <= 1:
            raise ValueError("times is at least 1, rate more than 0, and share from 0 to 1")
        self._of = (account_id, service, operation)
        self._left, self._rate, self._share = times, rate, share
        # The same calls meet the same refusals in every run of a test.
        self._chance = random.Random(0)  # noqa: S311 (no secret hangs on it)
        self._tokens, self._filled_at = max(1.0, rate or 0.0), time.monotonic()
        self.struck = 0

    def refusal_of(self, call: "Call") -> AwsError | None:
        """Return the service's own refusal of a call that is over its quota, or None."""
        account_id, service, operation = self._of
        names = call.operation
        if call.account_id != account_id or names.service.name != service or operation not in (None, names.name):
            return None
        if not self._is_over():
            return None
        self.struck += 1
        return names.service.throttled()

    def _is_over(self) -> bool:
        if self._left is not None:
            self._left -= 1
            return self._left >= 0
        if self._share is not None:
            return self._chance.random() < self._share
        if self._rate is None:
            return True
        now = time.monotonic()
        self._tokens = min(max(1.0, self._rate), self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1:
            return True
        self._tokens -= 1
        return False


class KeyOutage:
    """Refuses what KMS is asked to do with one key: every operation that says it may answer so. `code` is an error."""

    def __init__(self, key_arn: str, code: str) -> None:
        if code not in OUTAGES:
            raise ValueError(f"{code!r} is no outage of a key; {', '.join(OUTAGES)} are")
        self._key_arn, self._code = key_arn, code
        self.struck = 0

    def refusal_of(self, call: "Call") -> AwsError | None:
        """Return the outage's error for a call that needs the key, or None."""
        if call.operation.service.name != "kms" or self._code not in call.operation.model.errors:
            return None
        if all(requirement.resource != self._key_arn for requirement in call.requirements):
            return None
        self.struck += 1
        status, message = OUTAGES[self._code]
        return AwsError(self._code, message.format(arn=self._key_arn), status)


class Denial:
    """A service control policy that denies an account actions on resources: the policy engine decides by it.

    Raises PolicySyntaxError for what no policy could say.
    """

    def __init__(self, account_id: str, actions: Sequence[str], resources: Sequence[str]) -> None:
        deny = {"Effect": "Deny", "Action": list(actions), "Resource": list(resources)}
        document = parse(json.dumps({"Version": "2012-10-17", "Statement": [_ALLOW_ALL, deny]}))
        self.account_id = account_id
        self.policy = NamedPolicy(POLICY_SOURCE, document)
        self.struck = 0


Fault = Throttle | KeyOutage | Denial


class Faults:
    """The faults of one house, each for as long as it is in force. `struck` of a fault counts what it refused."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._in_force: dict[int, Fault] = {}

    def begin(self, fault: Fault) -> int:
        """Put a fault in force, and return the number that it is known by."""
        number = next(self._numbers)
        self._in_force[number] = fault
        return number

    def end(self, number: int) -> int:
        """End a fault, and return how many calls it refused. Raises KeyError for one that is not in force."""
        return self._in_force.pop(number).struck

    def struck(self, number: int) -> int:
        """Return how many calls a fault has refused so far. Raises KeyError for one that is not in force."""
        return self._in_force[number].struck

    def throttle(self, call: "Call") -> None:
        """Raise the service's own refusal of a call that is to be over its quota."""
        for fault in self._in_force.values():
            if isinstance(fault, Throttle) and (refusal := fault.refusal_of(call)) is not None:
                raise refusal

    def cut_off_keys(self, call: "Call") -> None:
        """Raise the error of an outage of a key that a call needs."""
        for fault in self._in_force.values():
            if isinstance(fault, KeyOutage) and (refusal := fault.refusal_of(call)) is not None:
                raise refusal

    def service_control(self, call: "Call") -> Sequence[Sequence[NamedPolicy]]:
        """Return the service control policies that take part in the decisions on a call, in one level, or none.

        They limit the principals of an account, its root user too, and no service.
        """
        account_id = call.caller.principal.account_id
        found = [fault.policy for fault in self._denials() if fault.account_id == account_id]
        return (found,) if found else ()

    def note(self, decision: Decision) -> None:
        """Count a refusal, if it was a denial's."""
        for fault in self._denials():
            fault.struck += any(policy is fault.policy for policy, _ in decision.matched)

    def _denials(self) -> Iterator[Denial]:
        return (fault for fault in self._in_force.values() if isinstance(fault, Denial))
