"""M6: a request quota that throttles, clients that get through it, a quota that is raised, and calls never made."""

import json
from typing import Any

from strongroom.client import Backoff, CacheLimits, EnvelopeClient, KmsCalls
from strongroom.client.kms_calls import KmsCall
from strongroom.tour.callers import Caller, Way
from strongroom.tour.crowd import THREADS, Crowd
from strongroom.tour.trail import count_calls
from strongroom.tour.visit import Visit

QUOTA = "L-6E3AF000"
"""Cryptographic operations (symmetric) request rate."""

ACCOUNT = "222233334444"
RATE = 25
CALLS = 90
CALLS_BACKING_OFF = 40
MESSAGES = 48
MESSAGES_A_KEY = 12
_ATTEMPTS = 12
_REFILL_SECONDS = 0.5
_MESSAGE = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."


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

    visit.say(f"{CALLS} Encrypts at once, by {THREADS} threads that do not try again:")
    seen = _without_retries(visit, way, key_arn)
    visit.chart(seen.chart(f"without retries, {RATE} a second:"))
    most = RATE + RATE * seen.seconds + 1
    visit.prove_that(
        f"over the quota, calls are throttled: {seen.throttled} of {CALLS}",
        seen.throttled > 0 and RATE <= seen.answered <= most,
        expected=f"from {RATE} to {most:.0f} answered in {seen.seconds:.2f} seconds, the others throttled",
        seen=f"{seen.answered} answered, {seen.throttled} throttled",
    )
    visit.prove("in AWS's words", expected=[_MESSAGE], seen=sorted(set(seen.failed)))
    _backing_off(visit, burst, key_arn)
    _increase(visit, way, key_arn)
    _caching(visit, burst, way)


def _without_retries(visit: Visit, way: Way, key_arn: str) -> Crowd:
    crowd = Crowd()
    client = visit.clients.new_client("kms", Way(way.caller, attempts=1))
    crowd.watch(client.meta.events)
    crowd.call(CALLS, lambda: client.encrypt(KeyId=key_arn, Plaintext=b"x" * 64))
    _note(visit, CALLS, "AWS_MAX_ATTEMPTS=1", key_arn)
    return crowd


def _backing_off(visit: Visit, burst: Caller, key_arn: str) -> None:
    visit.say("Clients that back off and try again: those of AWS's SDK for Python, and Strongroom's own.")
    botocore, own = Crowd(), Crowd()
    # The bucket is empty: a moment later it has some tokens, and not enough for all.
    visit.premises.ending.wait(_REFILL_SECONDS)
    client = visit.clients.new_client("kms", Way(burst, attempts=_ATTEMPTS))
    botocore.watch(client.meta.events)
    botocore.call(CALLS_BACKING_OFF, lambda: client.encrypt(KeyId=key_arn, Plaintext=b"x" * 64))
    _note(visit, CALLS_BACKING_OFF, f"AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS={_ATTEMPTS}", key_arn)
    _got_through(visit, botocore, "botocore's standard mode")

    session = visit.clients.new_session(burst)
    own.watch(session.events)
    kms = KmsCalls(session, backoff=Backoff(delay_seconds_max=1.0), connections_max=THREADS)
    question = KmsCall(None, "Encrypt", {"KeyId": key_arn, "Plaintext": b"x" * 64})
    own.call(CALLS_BACKING_OFF, lambda: kms.perform(question))
    kms.close()
    visit.note(
        "python\n>>> kms = strongroom.client.KmsCalls(backoff=Backoff(delay_seconds_max=1.0))\n"
        f">>> with ThreadPoolExecutor({THREADS}) as pool:\n"
        f">>>     list(pool.map(kms.perform, [encrypt] * {CALLS_BACKING_OFF}))"
    )
    _got_through(visit, own, "strongroom.client, with full jitter")


def _got_through(visit: Visit, seen: Crowd, who: str) -> None:
    visit.chart(seen.chart(f"{who}:"))
    visit.prove_that(
        f"{who}: {seen.answered} of {CALLS_BACKING_OFF} get through, {seen.throttled} throttled on the way",
        seen.answered == CALLS_BACKING_OFF and not seen.failed and seen.throttled > 0,
        expected=f"{CALLS_BACKING_OFF} answered, some throttled on the way",
        seen=f"{seen.answered} answered, {seen.throttled} throttled, {len(seen.failed)} given up",
    )


def _note(visit: Visit, calls: int, retries: str, key_arn: str) -> None:
    visit.must_go_on()
    visit.note(
        f"for n in $(seq {calls}); do\n"
        f"    {retries} burst aws kms encrypt --key-id {key_arn} --plaintext eHh4eA== --query KeyId &\n"
        "done; wait"
    )


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
    seen = _without_retries(visit, way, key_arn)
    visit.chart(seen.chart("the same calls without retries, 1,000 a second:"))
    visit.prove(f"{CALLS} calls at once, none throttled", expected=[CALLS, 0], seen=[seen.answered, seen.throttled])


def _caching(visit: Visit, burst: Caller, way: Way) -> None:
    visit.say(
        f"The cheapest call is the one that is not made: {MESSAGES} messages, each with a data key of its own, and "
        f"then with data keys that serve {MESSAGES_A_KEY} messages each:"
    )
    counts = []
    for caching in (None, CacheLimits(age_seconds_max=300, messages_max=MESSAGES_A_KEY)):
        key_arn = visit.aws("kms", "CreateKey", way=way, query="KeyMetadata.Arn")["KeyMetadata"]["Arn"]
        kms = KmsCalls(visit.clients.new_session(burst))
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
