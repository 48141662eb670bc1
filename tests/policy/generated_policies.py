"""Random policies and requests out of small vocabularies, so that things meet often.

Every function takes its chances from a `random.Random`: a seeded one for many cases, hypothesis's for a small one.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, TypeVar

from tests.policy.second_evaluator import Facts, Tree, folded

from strongroom.policy.evaluate import Principal, PrincipalKind

T = TypeVar("T")

HOME, OTHER = "111122223333", "444455556666"
USER_ID, ROLE_ID = "AIDAANN0123456789012", "AROAR01234567890123"


def _user(account: str, name: str, unique_id: str = "") -> Principal:
    return Principal.user(f"arn:aws:iam::{account}:user/{name}", account, unique_id)


def _session(account: str, name: str, role_id: str = "") -> Principal:
    role = f"arn:aws:iam::{account}:role/path/r"
    return Principal.role_session(f"arn:aws:sts::{account}:assumed-role/r/{name}", account, role, role_id)


def _federated_user(name: str, issuer: str, issuer_id: str = "") -> Principal:
    arn = f"arn:aws:sts::{HOME}:federated-user/{name}"
    return Principal.federated_user(arn, HOME, f"arn:aws:iam::{HOME}:{issuer}", issuer_id)


PRINCIPALS = [
    Principal.root(HOME),
    Principal.root(OTHER),
    _user(HOME, "ann", USER_ID),
    _user(HOME, "ann", "AIDAANEWANN012345678"),
    _user(HOME, "eve"),
    _user(OTHER, "ann", "AIDAOTHERANN01234567"),
    _session(HOME, "one", ROLE_ID),
    _session(HOME, "two", ROLE_ID),
    _session(OTHER, "one", "AROAOTHER0123456789"),
    _federated_user("f", "user/ann", USER_ID),
    _federated_user("r", "root"),
    Principal.federated("accounts.google.com"),
    Principal.federated(f"arn:aws:iam::{HOME}:saml-provider/corp"),
    Principal.service("logs.amazonaws.com"),
    Principal.service("s3.amazonaws.com"),
    Principal.anonymous(),
]
_IDENTITIES = [name for one in PRINCIPALS for name in (one.arn, one.issuer_arn, one.unique_id, one.issuer_id) if name]
AWS_NAMES = ["*", "*", HOME, OTHER, f"arn:aws:iam::{HOME}:root", *_IDENTITIES]
LONE_ELEMENTS: list[Any] = [{"AWS": name} for name in AWS_NAMES[1:]]
LONE_ELEMENTS += [{"Service": "logs.amazonaws.com"}, {"Federated": "accounts.google.com"}, "*"]

KEYS = ["aws:username", "AWS:UserName", "aws:n", "aws:when", "aws:list", "aws:flag"]
TEXTS = ["ann", "Ann", "bob", "a*", "", "5", "7.0", "-3", "1e1", "true", "False", "YW5u", "10.0.0.7", "x:y", "2026"]
TEXTS += ["2001:db8::1", "::ffff:10.0.0.7", "arn:aws:s3", "key/k"]
ARNS = ["arn:aws:s3:::ann/x", "arn:aws:kms:r:1:key/k", "arn:aws:kms:r:1:key/k:z", "arn:aws:kms:r:2:key/a:1:key/k"]
MOMENTS = ["2026-01-01T00:00:00Z", "2026-06-01T12:00:00+02:00", "1767225600", "2026-06-01", "2026"]
MOMENTS += ["2026-06-01T04:30:00-05:30", "2026-06-01T06:00:00-04:00"]
TYPED: list[Any] = [True, False, 5, -3, b"ann", datetime(2026, 6, 1, 10, tzinfo=UTC)]
VALUES: list[Any] = TEXTS + ARNS + MOMENTS + TYPED
NUMBERS = ["5", "7.0", "-3", "0", "1e1"]
LIKELY: dict[str, list[Any]] = {"Date": MOMENTS, "Numeric": NUMBERS, "Arn": ARNS, "Bool": [True, False, "True"]}
LIKELY |= {"Ip": ["10.0.0.7", "2001:db8::1", "::ffff:10.0.0.7", "192.0.2.1"], "Binary": [b"ann", "YW5u", b"bob"]}
WANTED: dict[str, list[Any]] = {
    "String": ["ann", "ANN", "a*", "*n?", "?", "", "${aws:username}", "${aws:n, 'ann'}", "${*}", "x:y", "*", "key/?"],
    "Numeric": [*NUMBERS, 5, 7.5],
    "Date": MOMENTS,
    "Bool": ["true", "false", "FALSE", True, "${aws:flag}", "${aws:n, 'true'}"],
    "Binary": ["YW5u"],
    "Ip": ["10.0.0.0/8", "10.0.0.7", "2001:db8::/32", "0.0.0.0/0", "::/0"],
    "Arn": ["*", "arn:aws:s3:::${aws:username}/*", "arn:*:*:*:*:key/?", "arn:aws:kms:r:1:key/*", "arn:aws:kms:*:1:*k"],
}
WANTED["String"] += ["*b*b*b*", "*n*n*"]
WANTED["Null"], LIKELY["Null"] = ["true", "false", True, False], ["", "", "ann", "x:y"]
WANTED["Arn"] += ["${aws:n}", "arn:aws:kms:?:?:key/k", "arn:aws:kms:*:1:key/k"]
WITHOUT_VARIABLES = {"Bool": ["true", "false", True], "Arn": [one for one in WANTED["Arn"] if "${" not in one]}
ORDERS = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
OPERATORS = [
    *(f"String{one}" for one in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")),
    *(f"{family}{order}" for family in ("Numeric", "Date") for order in ORDERS),
    *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"),
]
ACTIONS = ["kms:Encrypt", "kms:Decrypt", "s3:GetObject"]
ACTION_PATTERNS = ["*", "kms:*", "KMS:encrypt", "kms:?ncrypt", "s3:Get*", "*:*", "kms:*rypt", "kms:Encrypt", "iam:*"]
RESOURCES = [*ARNS, "arn:aws:kms:r:2:key/k", "*"]
RESOURCE_PATTERNS = [
    "*",
    "*",
    "arn:aws:s3:::ann/x",
    "arn:aws:s3:::${aws:username}/*",
    "arn:aws:s3:::${aws:n, 'ann'}/?",
    "arn:aws:kms",
    "arn:aws:kms:*:1:key/*",
    "arn:aws:kms:*:1:key/k",
    "arn:aws:kms:r:*:${aws:list}",
    "arn:aws:*:r:?:key/k*",
    "arn:aws:kms:*:*:*k",
]
EFFECTS = ["Allow", "Allow", "Allow", "Deny"]
VERSIONS = ["2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17"]
ALLOW_EVERYTHING: Tree = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
}


def chance(random: Random, of: int) -> bool:
    """One chance in `of`."""
    return random.randrange(of) == 0


def some(random: Random, values: Sequence[T], at_most: int, at_least: int = 0) -> list[T]:
    return [random.choice(values) for _ in range(random.randint(at_least, at_most))]


def one_or_more(random: Random, values: Sequence[T]) -> T | list[T]:
    return some(random, values, 3, 1) if chance(random, 3) else random.choice(values)


def family_of(operator: str) -> str:
    return next(family for family in WANTED if operator.removeprefix("Not").startswith(family))


def condition(random: Random, version: str) -> tuple[str, Any]:
    """A name and the values for it."""
    if chance(random, 16):
        return "Null", one_or_more(random, ["true", "false"])
    operator = random.choice(OPERATORS)
    family = family_of(operator)
    without = WITHOUT_VARIABLES if version == "2008-10-17" else {}
    name = random.choice(["", "", "ForAllValues:", "ForAnyValue:"]) + operator + random.choice(["", "IfExists"])
    return name, one_or_more(random, without.get(family, WANTED[family]))


def principal_element(random: Random) -> Any:
    if chance(random, 3):
        return random.choice(LONE_ELEMENTS)
    named: dict[str, Any] = {"AWS": some(random, AWS_NAMES[1:], 6, 1)}
    if chance(random, 2):
        named["Service"] = "logs.amazonaws.com"
    if chance(random, 2):
        named["Federated"] = ["accounts.google.com", f"arn:aws:iam::{HOME}:saml-provider/corp"]
    return named


def statement(random: Random, version: str, *, of_resource: bool, effects: Sequence[str]) -> Tree:
    tree: Tree = {"Effect": random.choice(effects)}
    if chance(random, 4):
        tree["NotAction"] = one_or_more(random, ACTION_PATTERNS[1:])
    else:
        tree["Action"] = one_or_more(random, ACTION_PATTERNS)
    if chance(random, 4):
        tree["NotResource"] = one_or_more(random, RESOURCE_PATTERNS[2:])
    else:
        tree["Resource"] = one_or_more(random, RESOURCE_PATTERNS)
    if of_resource:
        not_principal = tree["Effect"] == "Deny" and chance(random, 3)
        tree["NotPrincipal" if not_principal else "Principal"] = principal_element(random)
    for _ in range(random.choice([0, 0, 0, 1, 1, 2])):
        name, wanted = condition(random, version)
        tree.setdefault("Condition", {}).setdefault(name, {})[random.choice(KEYS)] = wanted
    return tree


def document(random: Random, *, of_resource: bool = False, effects: Sequence[str] = EFFECTS) -> Tree:
    if not of_resource and chance(random, 2):
        return ALLOW_EVERYTHING
    version = random.choice(VERSIONS)
    count = random.randint(1, 3)
    return {
        "Version": version,
        "Statement": [statement(random, version, of_resource=of_resource, effects=effects) for _ in range(count)],
    }


def layers(random: Random) -> dict[str, Any]:
    """The members of `Policies` by name, as JSON trees. Each layer is there or missing, generous or silent."""

    def several(counts: Sequence[int], **how: Any) -> list[Tree]:
        return [document(random, **how) for _ in range(random.choice(counts))]

    return {
        "identity": several([0, 1, 1, 2]),
        "boundary": document(random) if chance(random, 3) else None,
        "session": several([0, 1, 1, 2]) if chance(random, 2) else None,
        "resource": None if chance(random, 4) else document(random, of_resource=True),
        "resource_is_decisive": chance(random, 3),
        "service_control": [several([1, 1, 2, 2]) for _ in range(random.choice([0] * 8 + [1, 2]))],
        "grants": several([0, 0, 1, 2], of_resource=True, effects=["Allow"]),
    }


def context_value(random: Random) -> Any:
    if chance(random, 12):
        return None
    return some(random, VALUES, 3) if chance(random, 4) else random.choice(VALUES)


def context(random: Random) -> dict[str, Any]:
    return {key: context_value(random) for key in some(random, KEYS, 5)}


def facts_of(principal: Principal, action: str, resource: str, account: str, context: dict[str, Any]) -> Facts:
    """What the second evaluator is told of a request."""
    name = {
        PrincipalKind.SERVICE: f"Service={principal.name}",
        PrincipalKind.FEDERATED: f"Federated={principal.name}",
    }.get(principal.kind, principal.arn)
    return Facts(
        kind=principal.kind.value,
        account=principal.account_id,
        names=frozenset({name, principal.unique_id} - {""}),
        issuer_names=frozenset({principal.issuer_arn, principal.issuer_id} - {"", f"arn:aws:iam::{HOME}:root"}),
        action=action,
        resource=resource,
        resource_account=account,
        context=folded(context),
    )
