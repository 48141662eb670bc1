"""M6: a request quota that throttles, clients that get through it, a quota that is raised, and calls never made."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from strongroom.client import Backoff, CacheLimits, EnvelopeClient, KmsCalls
from strongroom.testing.account import Place
from strongroom.testing.sessions import new_session
from strongroom.tour.callers import Caller, Way
from strongroom.tour.trail import count_calls
from strongroom.tour.transcript import Chart
from strongroom.tour.visit import Visit

QUOTA = "L-6E3AF000"
"""Cryptographic operations (symmetric) request rate."""

ACCOUNT = "222233334444"
RATE = 25
CALLS = 90
MESSAGES = 48
MESSAGES_A_KEY = 12
_THREADS = 12
_MESSAGE = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
_SLICE_SECONDS = 0.25


class Attempts(NamedTuple):
    """What came of each attempt to call: how many seconds after the first, and whether it was throttled."""

    all: list[tuple[float, bool]]
    seconds: float

    @property
    def throttled(self) -> int:
        """How many were throttled."""
        return sum(was for _, was in self.all)

    @property
    def answered(self) -> int:
        """How many were answered."""
        return len(self.all) - self.throttled

    def chart(self, title: str) -> Chart:
        """Return them over time."""
        count = int(max((moment for moment, _ in self.all), default=0.0) / _SLICE_SECONDS) + 1
        slices = [{"answered": 0, "throttled": 0} for _ in range(count)]
        for moment, was in self.all:
            slices[int(moment / _SLICE_SECONDS)]["throttled" if was else "answered"] += 1
        bars = tuple((f"{number * _SLICE_SECONDS:.2f} s", tuple(each.items())) for number, each in enumerate(slices))
        return Chart(title, bars, unit=2)


def show(visit: Visit) -> None:
    """Throttle an account of its own, get through by backing off, raise the quota, and need fewer calls."""
    visit.say("An account of its own, so that nobody else is throttled, with a quota of its own:")
    printed = visit.strongroom("accounts", "create", "--account-id", ACCOUNT, "--name", "burst", "--format", "json")
    told = json.loads(printed)
    burst = Caller("burst", told["AccessKeyId"], told["SecretAccessKey"])
    visit.canary.remember("the secret access key of burst", burst.secret_access_key)
    visit.note(burst.shell_function())
    way = Way(burst)
    key_arn = visit.aws("kms", "CreateKey", way=way, query="KeyMetadata.Arn")["KeyMetadata"]["Arn"]
    visit.strongroom("quotas", "set", QUOTA, str(RATE), "--account-id", ACCOUNT)

    visit.say(f"{CALLS} Encrypts at once, by {_THREADS} threads that do not try again:")
    seen, messages = _crowd(visit, Way(burst, attempts=1), key_arn)
    visit.chart(seen.chart(f"without retries, {RATE} a second:"))
    most = RATE + RATE * seen.seconds + 1
    visit.prove_that(
        f"over the quota, calls are throttled: {seen.throttled} of {CALLS}",
        seen.throttled > 0 and RATE <= seen.answered <= most,
        expected=f"from {RATE} to {most:.0f} answered in {seen.seconds:.2f} seconds, the others throttled",
        seen=f"{seen.answered} answered, {seen.throttled} throttled",
    )
    visit.prove("in AWS's words", expected=[_MESSAGE], seen=sorted(messages))
    visit.say("The same by a client that backs off and tries again (botocore, retries in mode standard):")
    time.sleep(1.0)  # The bucket is full again.
    seen, messages = _crowd(visit, Way(burst, attempts=12), key_arn)
    visit.chart(seen.chart("backing off, with jitter:"))
    visit.prove_that(
        f"whoever backs off gets through: {seen.answered} of {CALLS}, {seen.throttled} throttled on the way",
        seen.answered == CALLS and not messages and seen.throttled > 0,
        expected=f"{CALLS} answered, some throttled on the way",
        seen=f"{seen.answered} answered, {seen.throttled} throttled on the way",
    )
    _increase(visit, way, key_arn)
    _caching(visit, burst, way)


def _increase(visit: Visit, way: Way, key_arn: str) -> None:
    visit.say("More is asked for as on AWS, and granted by the operator:")
    asked: dict[str, Any] = {"ServiceCode": "kms", "QuotaCode": QUOTA, "DesiredValue": 1_000.0}
    answer = visit.aws(
        "service-quotas", "RequestServiceQuotaIncrease", way=way, **asked, query="RequestedQuota.[Id,Status]"
    )
    requested = answer["RequestedQuota"]
    visit.prove("the request waits for the operator", expected="PENDING", seen=requested["Status"])
    visit.strongroom("quotas", "approve", requested["Id"])
    told = visit.aws(
        "service-quotas", "GetServiceQuota", way=way, ServiceCode="kms", QuotaCode=QUOTA, query="Quota.Value"
    )
    visit.prove("the quota is raised", expected=1_000.0, seen=told["Quota"]["Value"])
    seen, _ = _crowd(visit, Way(way.caller, attempts=1), key_arn)
    visit.chart(seen.chart("the same calls without retries, 1,000 a second:"))
    visit.prove(f"{CALLS} calls at once, none throttled", expected=[CALLS, 0], seen=[seen.answered, seen.throttled])


def _caching(visit: Visit, burst: Caller, way: Way) -> None:
    visit.say(
        f"The cheapest call is the one that is not made: {MESSAGES} messages, each with a data key of its own, and "
        f"then with data keys that serve {MESSAGES_A_KEY} messages each:"
    )
    account = visit.served.account
    place = Place(account.endpoint_url, account.http_endpoint_url, account.region, account.ca_bundle, "")
    counts = []
    for caching in (None, CacheLimits(age_seconds_max=300, messages_max=MESSAGES_A_KEY)):
        key_arn = visit.aws("kms", "CreateKey", way=way, query="KeyMetadata.Arn")["KeyMetadata"]["Arn"]
        kms = KmsCalls(new_session(place, burst.access_key_id, burst.secret_access_key), backoff=Backoff())
        text = visit.canary.secret("message").encode()
        how = "" if caching is None else f", caching=CacheLimits(age_seconds_max=300, messages_max={MESSAGES_A_KEY})"
        with EnvelopeClient(key_arn, kms=kms, caching=caching) as client:
            messages = [client.encrypt(text) for _ in range(MESSAGES)]
        visit.note(
            f'python\n>>> client = strongroom.client.EnvelopeClient("{key_arn}"{how})\n'
            f">>> len([client.encrypt(text) for _ in range({MESSAGES})])",
            str(len(messages)),
        )
        counts.append(len(count_calls(visit, "GenerateDataKey", key_arn, way=way).of("GenerateDataKey")))
    visit.prove(
        f"calls to KMS for {MESSAGES} messages, without caching and with it",
        expected=[MESSAGES, MESSAGES // MESSAGES_A_KEY],
        seen=counts,
    )


def _crowd(visit: Visit, way: Way, key_arn: str) -> tuple[Attempts, set[str]]:
    """Make the calls from a crowd of threads; return each attempt, and what the calls were told that failed."""
    client = visit.clients.new_client("kms", way)
    begin = time.monotonic()
    attempts: list[tuple[float, bool]] = []
    messages: set[str] = set()
    lock = threading.Lock()

    def note(response: Any, **_: Any) -> None:
        if response is not None:
            with lock:
                attempts.append((time.monotonic() - begin, response[0].status_code != 200))

    client.meta.events.register("needs-retry.kms.Encrypt", note)

    def call(number: int) -> None:
        visit.must_go_on()
        try:
            client.encrypt(KeyId=key_arn, Plaintext=b"x" * 64)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ThrottlingException":
                raise
            with lock:
                messages.add(str(error.response["Error"]["Message"]))

    _in_threads(call)
    retries = "AWS_MAX_ATTEMPTS=1" if way.attempts == 1 else f"AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS={way.attempts}"
    visit.note(
        f"for n in $(seq {CALLS}); do\n"
        f"    {retries} burst aws kms encrypt --key-id {key_arn} --plaintext eHh4eA== --query KeyId &\n"
        "done; wait"
    )
    return Attempts(attempts, time.monotonic() - begin), messages


def _in_threads(call: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(_THREADS) as pool:
        for future in [pool.submit(call, number) for number in range(CALLS)]:
            future.result()
