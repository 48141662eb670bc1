"""The engine against a second evaluator: slow, obvious, written from the rules, sharing no code with the engine.

The second evaluator reads the JSON tree itself. Documents, requests and contexts come from small vocabularies, so
that things meet often.
"""

import base64
import ipaddress
import itertools
import json
import re
from datetime import datetime
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from strongroom.policy.context import Context
from strongroom.policy.document import PolicyKind, parse
from strongroom.policy.evaluate import AccessRequest, NamedPolicy, Policies, Principal, PrincipalKind, evaluate
from strongroom.policy.explain import explain

# --- The second evaluator. A pattern is a list of (character, is_wildcard). ---

Pattern = list[tuple[str, bool]]
NO_VALUE = "no value"
CANNOT_TELL = "cannot tell"


def glob(pattern: Pattern, text: str) -> bool:
    if not pattern:
        return text == ""
    (character, is_wildcard), rest = pattern[0], pattern[1:]
    if is_wildcard and character == "*":
        return glob(rest, text) or (text != "" and glob(pattern, text[1:]))
    return text != "" and (is_wildcard or character == text[0]) and glob(rest, text[1:])


def lookup(context: dict[str, Any], key: str) -> list[str]:
    found: list[str] = []
    for name, value in context.items():
        if name.lower() == key.lower() and value is not None:
            found += value if isinstance(value, list) else [value]
    return found


def expand(text: str, context: dict[str, Any], *, variables: bool, wildcards: bool = True) -> Pattern | None:
    pattern: Pattern = []
    while text:
        if variables and text.startswith("${"):
            inside, text = text[2:].split("}", 1)
            if inside in ("*", "?", "$"):
                pattern.append((inside, False))
                continue
            key, comma, default = inside.partition(",")
            values = lookup(context, key)
            if len(values) == 1:
                pattern += [(character, False) for character in values[0]]
            elif not values and comma:
                pattern += [(character, False) for character in default.strip().strip("'")]
            else:
                return None
        else:
            pattern.append((text[0], wildcards and text[0] in "*?"))
            text = text[1:]
    return pattern


def arn_segments(text: str) -> list[str]:
    """Colons inside ${...} do not count; the sixth segment keeps its colons."""
    pieces = re.findall(r"\$\{[^}]*\}|.", text)
    segments = [""]
    for piece in pieces:
        if piece == ":" and len(segments) < 6:
            segments.append("")
        else:
            segments[-1] += piece
    return segments


def arn_matches(pattern: str, arn: str, context: dict[str, Any], *, variables: bool) -> Any:
    if pattern == "*":
        return True
    expanded = [expand(segment, context, variables=variables) for segment in arn_segments(pattern)]
    if None in expanded:
        return NO_VALUE
    expanded += [[("*", True)]] * (6 - len(expanded))
    parts = arn.split(":", 5)
    return len(parts) == 6 and all(glob(one or [], part) for one, part in zip(expanded, parts, strict=True))


def number(text: str) -> float:
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        raise ValueError(text)
    return float(text)


def moment(text: str) -> float:
    if not text.endswith("Z"):
        return number(text)
    return datetime.fromisoformat(text).timestamp()


def boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def typed(family: str, order: str, value: str, wanted: str) -> bool:
    read = {"Numeric": number, "Date": moment}[family]
    given, limit = read(value), read(wanted)
    return {
        "Equals": given == limit,
        "LessThan": given < limit,
        "LessThanEquals": given <= limit,
        "GreaterThan": given > limit,
        "GreaterThanEquals": given >= limit,
    }[order]


def one_pair(operator: str, value: str, wanted: str, context: dict[str, Any], *, variables: bool) -> Any:
    """Does one value of the key match one value of the policy, under a positive operator?"""
    try:
        if operator.startswith("String"):
            fold = str.lower if operator.endswith("IgnoreCase") else str
            pattern = expand(wanted, context, variables=variables, wildcards=operator == "StringLike")
            if pattern is None:
                return NO_VALUE
            return glob([(fold(character), wild) for character, wild in pattern], fold(value))
        if operator.startswith("Arn"):
            if not value.startswith("arn:") or value.count(":") < 5:
                return CANNOT_TELL
            return arn_matches(wanted, value, context, variables=variables)
        if operator == "Bool":
            return boolean(value) == boolean(wanted)
        if operator == "BinaryEquals":
            return base64.b64decode(value, validate=True) == base64.b64decode(wanted)
        if operator == "IpAddress":
            return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
        family = "Date" if operator.startswith("Date") else "Numeric"
        return typed(family, operator.removeprefix(family), value, wanted)
    except (ValueError, KeyError):
        return CANNOT_TELL


def condition_met(
    name: str, key: str, wanted: list[str], effect: str, context: dict[str, Any], variables: bool
) -> bool:
    values = lookup(context, key)
    if name == "Null":
        return ("false" if values else "true") in wanted
    quantifier, _, operator = name.rpartition(":")
    if_exists = operator.endswith("IfExists")
    operator = operator.removesuffix("IfExists")
    negated = "Not" in operator
    operator = operator.replace("Not", "")

    def passes(value: str) -> bool:
        answers = [one_pair(operator, value, one, context, variables=variables) for one in wanted]
        if CANNOT_TELL in answers:
            return effect == "Deny"
        if True in answers:
            return not negated
        if NO_VALUE in answers:
            return negated and effect == "Deny"
        return negated

    if not values:
        if if_exists:
            return True
        return {"ForAllValues": True, "ForAnyValue": False, "": negated}[quantifier]
    if quantifier == "ForAllValues" or (quantifier == "" and negated):
        return all(passes(value) for value in values)
    return any(passes(value) for value in values)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def about_principal(statement: dict[str, Any], principal: dict[str, str], has_boundary: bool) -> str:
    """How strongly a statement of a resource policy names the principal: no, account, issuer or itself."""

    def named(element: Any) -> set[str]:
        if element == "*":
            return {"*"}
        return {
            one if kind == "AWS" else f"{kind}={one}" for kind, members in element.items() for one in listed(members)
        }

    account = {principal["account"], f"arn:aws:iam::{principal['account']}:root"} if principal["account"] else set()
    if "NotPrincipal" in statement:
        names = named(statement["NotPrincipal"])
        if "*" in names:
            return "no"
        if has_boundary:
            return "itself"
        links = [account] if account else []
        links += [{principal["issuer"]}] if principal["issuer"] else []
        links += [{principal["id"]}] if principal["kind"] != "root" else []
        return "no" if all(link & names for link in links) else "itself"
    names = named(statement["Principal"])
    if "*" in names:
        return "itself" if principal["kind"] != "federated identity" or statement["Effect"] == "Deny" else "no"
    if principal["id"] and principal["id"] in names:
        return "itself"
    if principal["issuer"] and principal["issuer"] in names:
        return "issuer"
    if account & names:
        return "itself" if principal["kind"] == "root" else "account"
    return "no"


def applies(statement: dict[str, Any], request: dict[str, Any], variables: bool) -> bool:
    """Action, resource and conditions; not the principal."""
    context, effect = request["context"], statement["Effect"]
    action = request["action"].lower()
    patterns = listed(statement.get("Action", statement.get("NotAction")))
    in_actions = any(glob([(c, c in "*?") for c in pattern.lower()], action) for pattern in patterns)
    if in_actions is not ("Action" in statement):
        return False
    patterns = listed(statement.get("Resource", statement.get("NotResource")))
    answers = [arn_matches(pattern, request["resource"], context, variables=variables) for pattern in patterns]
    if "Resource" in statement:
        if True not in answers:
            return False
    elif True in answers or (NO_VALUE in answers and effect == "Allow"):
        return False
    return all(
        condition_met(name, key, listed(wanted), effect, context, variables)
        for name, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


Tree = dict[str, Any]


def effects(tree: Tree, request: dict[str, Any]) -> list[tuple[str, Tree]]:
    variables = tree.get("Version") == "2012-10-17"
    return [(one["Effect"], one) for one in listed(tree["Statement"]) if applies(one, request, variables)]


def allows(trees: list[Tree], request: dict[str, Any]) -> bool:
    return any(effect == "Allow" for tree in trees for effect, _ in effects(tree, request))


def reference_decision(request: dict[str, Any], layers: dict[str, Any]) -> str:
    principal = request["principal"]
    bounds = [layers["boundary"]] if layers["boundary"] else []
    scp = [tree for level in layers["service_control"] for tree in level]
    others = layers["identity"] + bounds + (layers["session"] or []) + scp
    by_resource = effects(layers["resource"], request) if layers["resource"] else []
    strengths = [(effect, about_principal(one, principal, bool(bounds))) for effect, one in by_resource]
    if any(effect == "Deny" for tree in others for effect, _ in effects(tree, request)):
        return "ExplicitDeny"
    if any(effect == "Deny" and strength != "no" for effect, strength in strengths):
        return "ExplicitDeny"
    granted = {strength for effect, strength in strengths if effect == "Allow"}
    kind, decisive = principal["kind"], layers["resource_is_decisive"]
    own = principal["account"] == request["account"]
    by_identity = allows(layers["identity"], request)
    within = all(allows([tree], request) for tree in bounds)
    if layers["session"] is None:
        within = within and kind != "federated user session"
    else:
        within = within and allows(layers["session"], request)
    if kind in ("anonymous", "federated identity"):
        verdict = "itself" in granted
    elif kind == "service":
        verdict = "itself" in granted or (not decisive and by_identity and within)
    elif kind == "root":
        verdict = ("itself" in granted or (own and not decisive)) and within
    elif own:
        named = bool(granted & {"account", "issuer", "itself"})
        verdict = (
            "itself" in granted
            or ("issuer" in granted and within)
            or (by_identity and within and (named or not decisive))
        )
    else:
        verdict = bool(granted & {"account", "issuer", "itself"}) and by_identity and within
    if not all(allows(level, request) for level in layers["service_control"]):
        verdict = False
    return "Allow" if verdict else "ImplicitDeny"


# --- What is generated. ---

HOME, OTHER = "111122223333", "444455556666"
PRINCIPALS = [
    Principal.root(HOME),
    Principal.root(OTHER),
    Principal.user(f"arn:aws:iam::{HOME}:user/ann", HOME),
    Principal.user(f"arn:aws:iam::{OTHER}:user/bob", OTHER),
    Principal.role_session(f"arn:aws:sts::{HOME}:assumed-role/r/one", HOME, f"arn:aws:iam::{HOME}:role/r"),
    Principal.role_session(f"arn:aws:sts::{OTHER}:assumed-role/r/two", OTHER, f"arn:aws:iam::{OTHER}:role/r"),
    Principal.federated_user(f"arn:aws:sts::{HOME}:federated-user/f", HOME, f"arn:aws:iam::{HOME}:user/ann"),
    Principal.federated("accounts.google.com"),
    Principal.service("logs.amazonaws.com"),
    Principal.anonymous(),
]
AWS_NAMES = ["*", HOME, f"arn:aws:iam::{HOME}:root", OTHER] + [
    name for one in PRINCIPALS for name in (one.arn, one.issuer_arn) if name and not name.endswith(":root")
]
KEYS = ["aws:username", "AWS:UserName", "aws:n", "aws:when", "aws:list"]
TEXTS = ["ann", "Ann", "bob", "a*", "5", "7.0", "-3", "true", "False", "YW5u", "10.0.0.7", "2001:db8::1", "x:y"]
ARNS = ["arn:aws:s3:::ann/x", "arn:aws:kms:r:1:key/k", "arn:aws:kms:r:1:key/k:z"]
MOMENTS = ["2026-01-01T00:00:00Z", "2026-06-01T12:00:00Z", "1767225600"]
VALUES = st.sampled_from(TEXTS + ARNS + MOMENTS)
NUMBERS = st.sampled_from(["5", "7.0", "-3", "0"])
WANTED = {
    "String": st.sampled_from(
        ["ann", "ANN", "a*", "*n?", "?", "${aws:username}", "${aws:n, 'ann'}", "${*}", "x:y", "*"]
    ),
    "Numeric": NUMBERS,
    "Date": st.sampled_from(MOMENTS),
    "Bool": st.sampled_from(["true", "false", "FALSE"]),
    "Binary": st.just("YW5u"),
    "Ip": st.sampled_from(["10.0.0.0/8", "10.0.0.7", "2001:db8::/32", "0.0.0.0/0"]),
    "Arn": st.sampled_from(["*", "arn:aws:s3:::${aws:username}/*", "arn:*:*:*:*:key/?", "arn:aws:kms:r:1:key/*"]),
}
ORDERS = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
OPERATORS = [
    *(
        f"String{name}"
        for name in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
    ),
    *(f"{family}{order}" for family in ("Numeric", "Date") for order in ORDERS),
    *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"),
]
ACTIONS = ["kms:Encrypt", "kms:Decrypt", "s3:GetObject"]
ACTION_PATTERNS = st.sampled_from(["*", "kms:*", "KMS:encrypt", "kms:?ncrypt", "s3:Get*", "*:*", "kms:*rypt"])
RESOURCES = ["arn:aws:s3:::ann/x", "arn:aws:kms:r:1:key/k", "arn:aws:kms:r:2:key/k:z", "*"]
RESOURCE_PATTERNS = st.sampled_from(
    [
        "*",
        "arn:aws:s3:::ann/x",
        "arn:aws:s3:::${aws:username}/*",
        "arn:aws:s3:::${aws:n, 'ann'}/?",
        "arn:aws:kms",
        "arn:aws:kms:*:1:key/*",
        "arn:aws:*:r:?:key/k*",
    ]
)


def one_or_more(values: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, min_size=1, max_size=3)


@st.composite
def operators_and_values(draw: st.DrawFn) -> tuple[str, Any]:
    if draw(st.integers(0, 15)) == 0:
        return "Null", draw(one_or_more(st.sampled_from(["true", "false"])))
    base = draw(st.sampled_from(OPERATORS))
    family = next(family for family in WANTED if base.removeprefix("Not").startswith(family))
    name = (
        draw(st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]))
        + base
        + draw(st.sampled_from(["", "IfExists"]))
    )
    return name, draw(one_or_more(WANTED[family]))


@st.composite
def statements(draw: st.DrawFn, *, of_resource: bool) -> Tree:
    effect = draw(st.sampled_from(["Allow", "Allow", "Deny"]))
    tree: Tree = {"Effect": effect}
    tree[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(one_or_more(ACTION_PATTERNS))
    tree[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(one_or_more(RESOURCE_PATTERNS))
    if of_resource:
        element = "NotPrincipal" if effect == "Deny" and draw(st.booleans()) else "Principal"
        named: dict[str, Any] = {"AWS": draw(st.lists(st.sampled_from(AWS_NAMES), min_size=1, max_size=4))}
        if draw(st.booleans()):
            named["Service"] = "logs.amazonaws.com"
        if draw(st.booleans()):
            named["Federated"] = ["accounts.google.com"]
        if draw(st.booleans()):
            del named["AWS"]
        tree[element] = named or "*"
    for name, wanted in draw(st.lists(operators_and_values(), max_size=2)):
        tree.setdefault("Condition", {}).setdefault(name, {})[draw(st.sampled_from(KEYS))] = wanted
    return tree


@st.composite
def documents(draw: st.DrawFn, *, of_resource: bool = False) -> Tree:
    version = draw(st.sampled_from(["2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17"]))
    listed_statements = draw(st.lists(statements(of_resource=of_resource), min_size=1, max_size=3))
    return {"Version": version, "Statement": listed_statements}


CONTEXTS = st.dictionaries(st.sampled_from(KEYS), VALUES | st.none() | st.lists(VALUES, max_size=3), max_size=4)
LAYERS = st.fixed_dictionaries(
    {
        "identity": st.lists(documents(), max_size=2),
        "boundary": st.none() | documents(),
        "session": st.none() | st.lists(documents(), max_size=2),
        "resource": st.none() | documents(of_resource=True),
        "resource_is_decisive": st.booleans(),
        "service_control": st.just([]) | st.lists(st.lists(documents(), max_size=2), max_size=2),
    }
)
ALLOW_EVERYTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


def named(tree: Tree, kind: PolicyKind = PolicyKind.IDENTITY) -> NamedPolicy:
    return NamedPolicy("generated", parse(json.dumps(tree), kind))


def compiled(layers: dict[str, Any]) -> Policies:
    return Policies(
        identity=[named(tree) for tree in layers["identity"]],
        boundary=named(layers["boundary"]) if layers["boundary"] else None,
        session=None if layers["session"] is None else [named(tree) for tree in layers["session"]],
        resource=named(layers["resource"], PolicyKind.RESOURCE) if layers["resource"] else None,
        resource_is_decisive=layers["resource_is_decisive"],
        service_control=[[named(tree) for tree in level] for level in layers["service_control"]],
    )


def plain_request(principal: Principal, action: str, resource: str, account: str, context: Any) -> dict[str, Any]:
    identifier = {
        PrincipalKind.SERVICE: f"Service={principal.name}",
        PrincipalKind.FEDERATED: f"Federated={principal.name}",
    }.get(principal.kind, principal.arn)
    facts = {
        "kind": principal.kind.value,
        "account": principal.account_id,
        "issuer": principal.issuer_arn,
        "id": identifier,
    }
    return {"principal": facts, "action": action, "resource": resource, "account": account, "context": context}


def agree(principal: Principal, action: str, resource: str, account: str, context: Any, layers: dict[str, Any]) -> None:
    plain = plain_request(principal, action, resource, account, context)
    expected = reference_decision(plain, layers)
    event(expected)
    request = AccessRequest(principal, action, resource, account, Context(context))
    policies = compiled(layers)
    decision = evaluate(request, policies)
    assert decision.outcome.value == expected
    assert decision.allowed is (expected == "Allow")
    traces = explain(request, policies).statements
    denying = [trace for trace in traces if trace.applies and trace.effect.value == "Deny"]
    assert bool(denying) is (expected == "ExplicitDeny")
    assert {trace.reference for trace in traces if trace.applies} >= set(decision.statements)


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(PRINCIPALS),
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    st.sampled_from([HOME, OTHER]),
    CONTEXTS,
    LAYERS,
)
def test_decisions_agree(
    principal: Principal, action: str, resource: str, account: str, context: Any, layers: dict[str, Any]
) -> None:
    agree(principal, action, resource, account, context, layers)


@settings(max_examples=800, deadline=None)
@given(CONTEXTS, statements(of_resource=False), st.sampled_from(["2012-10-17", "2008-10-17"]))
def test_single_statements_agree(context: Any, statement: Tree, version: str) -> None:
    statement |= {"Action": "*", "Effect": statement["Effect"]}
    statement.pop("NotAction", None)
    layers = {
        "identity": [{"Version": version, "Statement": statement}],
        "boundary": None,
        "session": None,
        "resource": None,
        "resource_is_decisive": False,
        "service_control": [],
    }
    if statement["Effect"] == "Deny":
        layers["identity"] = [ALLOW_EVERYTHING, *layers["identity"]]  # type: ignore[misc]
    for resource in RESOURCES[:2]:
        agree(PRINCIPALS[2], "kms:Encrypt", resource, HOME, context, layers)


@pytest.mark.parametrize("operator", OPERATORS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_operator_agrees(operator: str, data: st.DataObject) -> None:
    family = next(family for family in WANTED if operator.removeprefix("Not").startswith(family))
    likely = {"Date": st.sampled_from(MOMENTS), "Numeric": NUMBERS, "Arn": st.sampled_from(ARNS)}.get(family, VALUES)
    prefix = data.draw(st.sampled_from(["", "ForAllValues:", "ForAnyValue:"]))
    wanted = data.draw(st.lists(WANTED[family], min_size=1, max_size=2))
    context = {"aws:list": data.draw(st.lists(likely | VALUES, max_size=3)), "aws:username": data.draw(VALUES)}
    name = prefix + operator + data.draw(st.sampled_from(["", "IfExists"]))
    for effect in ("Allow", "Deny"):
        statement = {"Effect": effect, "Action": "*", "Resource": "*", "Condition": {name: {"aws:list": wanted}}}
        layers = {
            "identity": [ALLOW_EVERYTHING] * (effect == "Deny") + [{"Version": "2012-10-17", "Statement": statement}],
            "boundary": None,
            "session": None,
            "resource": None,
            "resource_is_decisive": False,
            "service_control": [],
        }
        agree(PRINCIPALS[2], "kms:Encrypt", "*", HOME, context, layers)


def test_every_combination_of_layers_agrees() -> None:
    """All principals, all resource policies that name one principal, every mix of silent and generous layers."""
    silent = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}
    elements: list[Any] = [{"AWS": name} for name in AWS_NAMES]
    elements += [{"Service": "logs.amazonaws.com"}, {"Federated": "accounts.google.com"}]
    generous = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    of_resource: list[Any] = [None]
    of_resource += [{"Version": "2012-10-17", "Statement": generous | {"Principal": element}} for element in elements]
    outcomes = set()
    for identity, boundary, session, resource, decisive in itertools.product(
        [[], [ALLOW_EVERYTHING]],
        [None, ALLOW_EVERYTHING, silent],
        [None, [], [ALLOW_EVERYTHING], [silent]],
        of_resource,
        [True, False],
    ):
        layers = {
            "identity": identity,
            "boundary": boundary,
            "session": session,
            "resource": resource,
            "resource_is_decisive": decisive,
            "service_control": [],
        }
        policies = compiled(layers)
        for principal, account in itertools.product(PRINCIPALS, [HOME, OTHER]):
            plain = plain_request(principal, "kms:Encrypt", "*", account, {})
            decision = evaluate(AccessRequest(principal, "kms:Encrypt", "*", account), policies)
            assert decision.outcome.value == reference_decision(plain, layers), (principal, account, layers)
            outcomes.add((principal.kind, decision.allowed))
    assert len(outcomes) == 2 * len(PrincipalKind)
