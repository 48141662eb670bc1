"""Values for generated requests: right ones, odd ones and wrong ones, as the shapes of a service model have them."""

import base64
import json
import os
import random
import time
from collections.abc import Callable
from typing import Any, Protocol

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from strongroom.model.shapes import Shape

SECONDS = float(os.environ.get("FUZZ_SECONDS", "16"))
EXAMPLES_PER_ROUND = 150

ODD_TEXTS = st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "a\x00b",
        "\ud800",
        "\udfff\ud800",
        "\U0010ffff",
        "\ufeff",
        "\u202e",
        "é",
        "e\u0301",
        "ﬀ",
        "İ",
        "\x85",
        "\u2028",
        "%s%n{0}{}",
        "${aws:username}",
        "../../etc/passwd",
        "'; DROP TABLE kms_keys; --",
        "alias/",
        "alias/aws/s3",
        "alias/aws/nothing",
        "arn:aws:kms:us-east-1:000000000000:key/",
        "arn:aws:kms:us-east-1:000000000000:alias/aws/s3",
        "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555",
        "arn::::::",
        "mrk-" + "0" * 32,
        "aws:x",
        "a" * 257,
        "é" * 8_192,
        "x" * 40_000,
    ]
)
TEXTS = st.one_of(ODD_TEXTS, st.text(max_size=40), st.text(alphabet=st.characters(), max_size=5))
NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 7, 30, 2**31 - 1, 2**31, -(2**31), 2**63, -(2**63) - 1, 10**30]),
    st.floats(),
    st.integers(),
)
ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
ACTIONS = st.sampled_from(["kms:*", "*", "kms:Encrypt", "kms:Put*", "kms:", ":", "", "s3:GetObject", "?", "iam:Get*"])
PRINCIPAL_NAMES = st.sampled_from(
    [
        "*",
        "000000000000",
        "arn:aws:iam::000000000000:root",
        "arn:aws:iam::000000000000:user/known",
        "arn:aws:iam::000000000000:role/known",
        "arn:aws:iam::000000000000:user/\x00",
        "arn:aws:iam::000000000000:role/\ud800",
        "arn:aws:iam::000000000000:user/${aws:username}",
        "arn:aws:sts::000000000000:assumed-role/known/*",
        "AIDAAAAAAAAAAAAAAAAAA",
    ]
)
PRINCIPALS = st.one_of(
    st.just("*"),
    st.fixed_dictionaries({"AWS": st.one_of(PRINCIPAL_NAMES, st.lists(PRINCIPAL_NAMES, max_size=3))}),
    st.dictionaries(st.sampled_from(["AWS", "Service", "Federated", "CanonicalUser"]), ANY_JSON, max_size=2),
)
OPERATOR_NAMES = """StringLike StringEqualsIfExists ForAllValues:StringLike DateLessThan IpAddress Null Bool
    NumericEquals ArnLike BinaryEquals ForAnyValue:NotIpAddress Unknown"""
OPERATORS = st.sampled_from(OPERATOR_NAMES.split())
CONDITION_KEYS = st.sampled_from(
    ["kms:ViaService", "kms:EncryptionContext:a", "aws:SourceIp", "aws:CurrentTime", "kms:CallerAccount", "aws:x", ""]
)
CONDITIONS = st.dictionaries(OPERATORS, st.dictionaries(CONDITION_KEYS, ANY_JSON, max_size=2), max_size=2)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny", "allow"])},
    optional={
        "Sid": TEXTS,
        "Principal": PRINCIPALS,
        "NotPrincipal": PRINCIPALS,
        "Action": st.one_of(ACTIONS, st.lists(ACTIONS, max_size=3)),
        "NotAction": ACTIONS,
        "Resource": st.one_of(st.just("*"), TEXTS),
        "Condition": st.one_of(CONDITIONS, ANY_JSON),
    },
)
POLICIES = st.fixed_dictionaries(
    {"Statement": st.one_of(STATEMENTS, st.lists(STATEMENTS, max_size=3))},
    optional={"Version": st.sampled_from(["2012-10-17", "2008-10-17", "2000-01-01"]), "Id": TEXTS},
).map(json.dumps)


class Known(Protocol):
    """What a client of a server knows that makes its requests go deep."""

    def values(self, name: str) -> st.SearchStrategy[Any]:
        """Return values that would do for a member of this name, or no values at all."""


def as_base64(content: bytes) -> str:
    """Return bytes as JSON and query requests have them."""
    return base64.b64encode(content).decode()


def mostly(usual: st.SearchStrategy[Any], unusual: st.SearchStrategy[Any], percent: int) -> st.SearchStrategy[Any]:
    """Return values of `usual`, and so many percent of `unusual`: `one_of` weighs alternatives as it likes."""
    # Away from the ends of the range, which are drawn more often than the rest.
    return st.integers(0, 99).flatmap(lambda drawn: unusual if 45 <= drawn < 45 + percent else usual)


class Shapes:
    """Values of shapes as JSON has them: right ones if `tame`, else each with some chance of being anything at all.

    `never` names members that are left out where they may be: a request is refused for them, whatever they hold, and
    nothing behind that refusal would be tried.
    """

    def __init__(self, known: Known, *, tame: bool, never: frozenset[str] = frozenset()) -> None:
        self._known = known
        self._tame = tame
        self._never = never

    def values(self, shape: Shape, name: str = "", depth: int = 0) -> st.SearchStrategy[Any]:
        """Return values of a shape, which is that of a member of this name."""
        if depth > 4:
            return ANY_JSON
        meant = self._known.values(name)
        if self._tame:
            return self._of(shape, depth) if meant.is_empty else meant
        right = st.one_of(meant, self._of(shape, depth))
        return mostly(right, ANY_JSON, 12)

    def _of(self, shape: Shape, depth: int) -> st.SearchStrategy[Any]:
        if shape.type == "structure":
            members = {
                name: self.values(reference.target, name, depth + 1)
                for name, reference in shape.members.items()
                if name in shape.required or not (self._tame and name in self._never)
            }
            required = {name: value for name, value in members.items() if name in shape.required}
            return st.fixed_dictionaries(required, optional={name: members[name] for name in members.keys() - required})
        if shape.type == "list":
            return st.lists(self.values(shape.element.target, "", depth + 1), max_size=4)
        if shape.type == "map":
            return st.dictionaries(TEXTS, self.values(shape.entry[1].target, "", depth + 1), max_size=3)
        if shape.enum:
            return st.sampled_from(shape.enum)
        if shape.type in {"integer", "long"}:
            low = int(shape.min) if shape.min is not None else 1
            allowed = st.integers(low, int(shape.max) if shape.max is not None else low + 4_000)
            return allowed if self._tame else st.one_of(allowed, NUMBERS)
        if shape.type == "timestamp":
            soon = st.floats(-60, 400 * 86_400).map(lambda seconds: time.time() + seconds)
            return soon if self._tame else st.one_of(soon, NUMBERS, TEXTS)
        scalars = {"boolean": st.booleans(), "blob": st.binary(max_size=60).map(as_base64), "string": TEXTS}
        return scalars.get(shape.type, TEXTS)


def try_on_and_on(tried: Callable[..., None], seconds: float, between: Callable[[], None], **strategies: Any) -> None:
    """Run a property round by round, each from another seed, until the time is over; do `between` before each.

    The last round ends with the time, unless it is the first one, or something failed in it, which is made smaller.
    """
    rounds = settings(
        max_examples=EXAMPLES_PER_ROUND,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    end = time.monotonic() + seconds
    count, has_failed = 0, False

    def tried_in_time(**values: Any) -> None:
        nonlocal count, has_failed
        count += 1
        if count > EXAMPLES_PER_ROUND and time.monotonic() > end and not has_failed:
            return
        try:
            tried(**values)
        except BaseException:
            has_failed = True
            raise

    while time.monotonic() < end:
        between()
        rounds(seed(random.getrandbits(64))(given(**strategies)(tried_in_time)))()
