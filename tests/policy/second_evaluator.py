"""A second policy evaluator: slow, obvious, written from the rules, sharing no code with the engine.

It reads the JSON tree itself, and makes a regular expression of every pattern. A pattern is a tuple of
(character, is_wildcard). A decision is an outcome and the layer that decided, both as the engine calls them.
"""

import base64
import ipaddress
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

Tree = dict[str, Any]
Pattern = tuple[tuple[str, bool], ...]

NO_VALUE = "no value"
CANNOT_TELL = "cannot tell"
ANYTHING: Pattern = (("*", True),)


class Facts(NamedTuple):
    """One request, as far as this evaluator wants to know it. `context` has lower-case keys and lists of texts.

    `names` are what a Principal element may call the principal itself, `issuer_names` the role or user behind it.
    """

    kind: str
    account: str
    names: frozenset[str]
    issuer_names: frozenset[str]
    action: str
    resource: str
    resource_account: str
    context: dict[str, list[str]]


def folded(context: dict[str, Any]) -> dict[str, list[str]]:
    """Keys in lower case, values as lists of texts; keys that differ only in case are one."""
    known: dict[str, list[str]] = {}
    for name, value in context.items():
        values = known.setdefault(name.lower(), [])
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                values.append(text_of(one))
    return known


def text_of(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value)


@cache
def glob(pattern: Pattern, text: str) -> bool:
    signs = {"*": ".*", "?": "."}
    expression = "".join(signs[one] if is_wildcard else re.escape(one) for one, is_wildcard in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


@cache
def plain_pattern(text: str) -> Pattern:
    return tuple((one, one in "*?") for one in text)


def literal(text: str) -> Pattern:
    return tuple((one, False) for one in text)


@cache
def cut_at_variables(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\$\{[^}]*\}|.", text, re.DOTALL))


def expand(text: str, context: dict[str, list[str]], *, variables: bool, wildcards: bool = True) -> Pattern | None:
    """The pattern with every variable replaced, or None when one has no value."""
    if not variables or "${" not in text:
        return plain_pattern(text) if wildcards else literal(text)
    pattern: Pattern = ()
    for piece in cut_at_variables(text):
        if not piece.startswith("${"):
            pattern += plain_pattern(piece) if wildcards else literal(piece)
            continue
        inside = piece[2:-1]
        if inside in ("*", "?", "$"):
            pattern += literal(inside)
            continue
        key, has_default, default = inside.partition(",")
        values = context.get(key.lower(), [])
        if len(values) == 1:
            pattern += literal(values[0])
        elif not values and has_default:
            pattern += literal(default.strip().strip("'"))
        else:
            return None
    return pattern


@cache
def arn_segments(text: str) -> tuple[str, ...]:
    """Colons inside ${...} do not count; the sixth segment keeps its colons."""
    segments = [""]
    for piece in cut_at_variables(text):
        if piece == ":" and len(segments) < 6:
            segments.append("")
        else:
            segments[-1] += piece
    return tuple(segments)


def arn_matches(pattern: str, arn: str, context: dict[str, list[str]], *, variables: bool) -> Any:
    """Segment by segment: no wildcard reaches over a colon, but in the sixth."""
    if pattern == "*":
        return True
    expanded = [expand(segment, context, variables=variables) for segment in arn_segments(pattern)]
    if None in expanded:
        return NO_VALUE
    if len(expanded) == 1:
        return glob(expanded[0] or (), arn)
    expanded += [ANYTHING] * (6 - len(expanded))
    parts = arn.split(":", 5)
    return len(parts) == 6 and all(glob(one or (), part) for one, part in zip(expanded, parts, strict=True))


def arn_matches_over_colons(pattern: str, arn: str, context: dict[str, list[str]], *, variables: bool) -> Any:
    whole = pattern if pattern == "*" else pattern + ":*" * (6 - len(arn_segments(pattern)))
    expanded = expand(whole, context, variables=variables)
    return NO_VALUE if expanded is None else glob(expanded, arn)


def number(text: str) -> float:
    if not re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", text):
        raise ValueError(text)
    return float(text)


def moment(text: str) -> float:
    if re.fullmatch(r"[0-9]{4}", text):
        return datetime(int(text), 1, 1, tzinfo=UTC).timestamp()
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    if "T" in text:
        told = datetime.fromisoformat(text)
        if told.tzinfo is None:
            raise ValueError(text)
        return told.timestamp()
    return number(text)


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


def in_network(value: str, wanted: str) -> bool:
    address, network = ipaddress.ip_address(value), ipaddress.ip_network(wanted, strict=False)
    mapped = getattr(address, "ipv4_mapped", None)
    return (address if mapped is None else mapped) in network


def one_pair(operator: str, value: str, wanted: str, context: dict[str, list[str]], *, variables: bool) -> Any:
    """Does one value of the key match one value of the policy, under a positive operator?"""
    try:
        if operator.startswith("String"):
            fold = str.lower if operator.endswith("IgnoreCase") else str
            pattern = expand(wanted, context, variables=variables, wildcards=operator == "StringLike")
            if pattern is None:
                return NO_VALUE
            return glob(tuple((fold(character), wild) for character, wild in pattern), fold(value))
        if operator.startswith("Arn"):
            if not value.startswith("arn:") or value.count(":") < 5:
                return CANNOT_TELL
            return arn_matches(wanted, value, context, variables=variables)
        if operator == "Bool":
            given = boolean(value)
            pattern = expand(wanted, context, variables=variables, wildcards=False)
            stands_for = "" if pattern is None else "".join(character for character, _ in pattern).lower()
            return given == boolean(stands_for) if stands_for in ("true", "false") else NO_VALUE
        if operator == "BinaryEquals":
            return base64.b64decode(value, validate=True) == base64.b64decode(wanted)
        if operator == "IpAddress":
            return in_network(value, wanted)
        family = "Date" if operator.startswith("Date") else "Numeric"
        return typed(family, operator.removeprefix(family), value, wanted)
    except (ValueError, KeyError):
        return CANNOT_TELL


def condition_met(
    name: str, key: str, wanted: list[Any], effect: str, context: dict[str, list[str]], *, variables: bool
) -> bool:
    values = context.get(key.lower(), [])
    wanted = [text_of(one) for one in wanted]
    if name == "Null":
        wanted = [one.lower() for one in wanted]
        if values == [""] and effect == "Allow":
            return {"true", "false"} <= set(wanted)
        return values == [""] or ("false" if values else "true") in wanted
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
        return if_exists or {"ForAllValues": True, "ForAnyValue": False, "": negated}[quantifier]
    if quantifier and values == [""]:
        return quantifier == "ForAllValues"
    if quantifier == "ForAllValues" or (quantifier == "" and negated):
        return all(passes(value) for value in values)
    return any(passes(value) for value in values)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def names_in(element: Any) -> set[str]:
    if element == "*":
        return {"*"}
    return {one if kind == "AWS" else f"{kind}={one}" for kind, members in element.items() for one in listed(members)}


def about_principal(statement: Tree, facts: Facts, *, has_boundary: bool) -> str:
    """How strongly a statement of a resource policy names the principal: no, account, issuer or itself."""
    account = {facts.account, f"arn:aws:iam::{facts.account}:root"} if facts.account else set()
    if "NotPrincipal" in statement:
        names = names_in(statement["NotPrincipal"])
        if "*" in names:
            return "no"
        if has_boundary:
            return "itself"
        links: list[Iterable[str]] = [account] if account else []
        links += [facts.issuer_names] if facts.issuer_names else []
        links += [facts.names] if facts.kind != "root" else []
        return "no" if all(names.intersection(link) for link in links) else "itself"
    names = names_in(statement["Principal"])
    if "*" in names:
        return "no" if facts.kind == "federated identity" and statement["Effect"] == "Allow" else "itself"
    if account & names and facts.kind == "root":
        return "itself"
    if facts.names & (names - account):
        return "itself"
    if facts.issuer_names & (names - account):
        return "issuer"
    return "account" if account & names else "no"


def applies(statement: Tree, facts: Facts, *, variables: bool) -> bool:
    """Action, resource and conditions; not the principal."""
    context, effect = facts.context, statement["Effect"]
    action = facts.action.lower()
    patterns = listed(statement.get("Action", statement.get("NotAction")))
    if any(glob(plain_pattern(pattern.lower()), action) for pattern in patterns) is not ("Action" in statement):
        return False
    patterns = listed(statement.get("Resource", statement.get("NotResource")))
    reaches_over_colons = ("Resource" in statement) is (effect == "Deny")
    matches = arn_matches_over_colons if reaches_over_colons else arn_matches
    answers = [matches(pattern, facts.resource, context, variables=variables) for pattern in patterns]
    if "Resource" in statement:
        if True not in answers:
            return False
    elif True in answers or (NO_VALUE in answers and effect == "Allow"):
        return False
    return all(
        condition_met(name, key, listed(wanted), effect, context, variables=variables)
        for name, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


class SecondEvaluator:
    """Decides one request under `layers`: the members of `Policies` by name, as JSON trees."""

    def __init__(self, facts: Facts, layers: dict[str, Any]) -> None:
        self.facts = facts
        self.layers = layers
        self.bounds: list[Tree] = [layers["boundary"]] if layers["boundary"] else []
        self.resource: list[Tree] = [layers["resource"]] if layers["resource"] else []
        self.known: dict[int, list[tuple[str, Tree]]] = {}

    def effects(self, trees: Iterable[Tree]) -> Iterator[tuple[str, Tree]]:
        for tree in trees:
            if id(tree) not in self.known:
                variables = tree.get("Version") == "2012-10-17"
                self.known[id(tree)] = [
                    (one["Effect"], one)
                    for one in listed(tree["Statement"])
                    if applies(one, self.facts, variables=variables)
                ]
            yield from self.known[id(tree)]

    def allows(self, trees: Iterable[Tree]) -> bool:
        return any(effect == "Allow" for effect, _ in self.effects(trees))

    def strengths(self, trees: Iterable[Tree], wanted: str) -> set[str]:
        return {
            about_principal(statement, self.facts, has_boundary=bool(self.bounds))
            for effect, statement in self.effects(trees)
            if effect == wanted
        } - {"no"}

    def decide(self) -> tuple[str, str]:
        denying = self.denying_layer()
        if denying:
            return "ExplicitDeny", denying
        if not all(self.allows(level) for level in self.layers["service_control"]):
            return "ImplicitDeny", "service control policy"
        outcome, layer = self.without_grants()
        if outcome == "Allow":
            return outcome, layer
        return self.by_grants() or (outcome, layer)

    def denying_layer(self) -> str | None:
        layers = self.layers
        for name, trees in (
            ("service control policy", [tree for level in layers["service_control"] for tree in level]),
            ("resource-based policy", self.resource),
            ("identity-based policy", layers["identity"]),
            ("permissions boundary", self.bounds),
            ("session policy", layers["session"] or []),
        ):
            if name == "resource-based policy":
                denied = bool(self.strengths(trees, "Deny"))
            else:
                denied = any(effect == "Deny" for effect, _ in self.effects(trees))
            if denied:
                return name
        return None

    def without_grants(self) -> tuple[str, str]:
        facts, decisive = self.facts, self.layers["resource_is_decisive"]
        own = facts.account == facts.resource_account
        granted = self.strengths(self.resource, "Allow")
        if facts.kind in ("anonymous", "federated identity", "service"):
            if "itself" in granted:
                return "Allow", "resource-based policy"
            if facts.kind == "service" and self.layers["identity"] and not decisive:
                return self.by_identity()
            return "ImplicitDeny", "resource-based policy"
        if facts.kind == "root":
            if "itself" in granted:
                return self.within_limits("resource-based policy")
            if own and not decisive:
                return self.within_limits("account root")
            return "ImplicitDeny", "resource-based policy"
        if own and "itself" in granted:
            return "Allow", "resource-based policy"
        if own and "issuer" in granted:
            return self.within_limits("resource-based policy")
        if not granted and (decisive or not own):
            return "ImplicitDeny", "resource-based policy"
        return self.by_identity()

    def by_identity(self) -> tuple[str, str]:
        if not self.allows(self.layers["identity"]):
            return "ImplicitDeny", "identity-based policy"
        return self.within_limits("identity-based policy")

    def within_limits(self, allowing: str) -> tuple[str, str]:
        if self.bounds and not self.allows(self.bounds):
            return "ImplicitDeny", "permissions boundary"
        session = self.layers["session"]
        if session is None and self.facts.kind == "federated user session":
            return "ImplicitDeny", "session policy"
        if session is not None and not self.allows(session):
            return "ImplicitDeny", "session policy"
        return "Allow", allowing

    def by_grants(self) -> tuple[str, str] | None:
        """What a grant makes of a request that no policy allowed, or None when it changes nothing."""
        limited = None
        for tree in self.layers["grants"]:
            granted = self.strengths([tree], "Allow")
            if "itself" in granted:
                return "Allow", "grant"
            if "issuer" in granted:
                limited = self.within_limits("grant")
                if limited[0] == "Allow":
                    return limited
            elif "account" in granted:
                delegated = self.by_identity()
                if delegated[0] == "Allow":
                    return delegated
        return limited
