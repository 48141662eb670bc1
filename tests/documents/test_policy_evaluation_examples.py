"""Every example of docs/policy-evaluation.md is decided as the document says, and its table tells the same."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from strongroom.policy.context import Context
from strongroom.policy.document import PolicyKind, parse
from strongroom.policy.evaluate import AccessRequest, Decision, NamedPolicy, Policies, Principal, evaluate
from strongroom.policy.explain import explain

DOCUMENT = Path(__file__).parents[2] / "docs" / "policy-evaluation.md"
EXAMPLE = re.compile(
    r"^### (?P<number>\d+)\. (?P<title>.+)\n\n\*(?P<page>.+)\*\n\n(?P<words>(.+\n)+)\n```json\n(?P<block>(.+\n)+)```\n",
    re.MULTILINE,
)
OUTCOMES = {"Allow": "allowed", "ExplicitDeny": "explicitly denied", "ImplicitDeny": "implicitly denied"}
LAYERS = {"identity", "boundary", "session", "resource", "key policy", "trust policy", "service control", "grants"}


class Example(NamedTuple):
    """One section of the document. `block` holds layers by name, what is asked unless a request says else, requests."""

    number: int
    title: str
    page: str
    words: str
    block: dict[str, Any]


@cache
def examples() -> list[Example]:
    found = [match.groupdict() for match in EXAMPLE.finditer(DOCUMENT.read_text())]
    return [
        Example(int(one["number"]), one["title"], one["page"], " ".join(one["words"].split()), json.loads(one["block"]))
        for one in found
    ]


def requests() -> list[Any]:
    return [
        pytest.param(example, request, id=f"{example.number} {request['what']}")
        for example in examples()
        for request in example.block["requests"]
    ]


def as_principal(named: str | dict[str, str]) -> Principal:
    """A user or root ARN, `anonymous`, or an object with the ARNs of a session and the role or user behind it."""
    if named == "anonymous":
        return Principal.anonymous()
    told = {"user": named} if isinstance(named, str) else named
    if "service" in told:
        return Principal.service(told["service"])
    if "federated" in told:
        return Principal.federated(told["federated"])
    account = told.get("session", told.get("user", "")).split(":")[4]
    if "role" in told:
        return Principal.role_session(told["session"], account, told["role"])
    if "session" in told:
        return Principal.federated_user(told["session"], account, told["user"])
    if told["user"].endswith(":root"):
        return Principal.root(account)
    return Principal.user(told["user"], account, told.get("id", ""))


def policy(name: str, tree: Any, kind: PolicyKind = PolicyKind.IDENTITY) -> NamedPolicy:
    return NamedPolicy(name, parse(json.dumps(tree), kind))


def as_policies(layers: dict[str, Any]) -> Policies:
    session, resource_kind, kind = layers.get("session"), "resource", PolicyKind.RESOURCE
    if "trust policy" in layers:
        resource_kind, kind = "trust policy", PolicyKind.TRUST
    elif "key policy" in layers:
        resource_kind = "key policy"
    resource, boundary = layers.get(resource_kind), layers.get("boundary")
    return Policies(
        identity=[policy("identity", tree) for tree in layers.get("identity", [])],
        boundary=None if boundary is None else policy("boundary", boundary),
        session=None if session is None else [policy("session", tree) for tree in session],
        resource=None if resource is None else policy(resource_kind, resource, kind),
        resource_is_decisive=resource_kind != "resource",
        service_control=[
            [policy("service control", tree) for tree in level] for level in layers.get("service control", [])
        ],
        grants=[policy("grant", tree, PolicyKind.RESOURCE) for tree in layers.get("grants", [])],
    )


def decide(example: Example, request: dict[str, Any]) -> Decision:
    layers = {name: tree for name, tree in example.block.items() if name not in ("asked", "requests")}
    layers |= request.get("with", {})
    assert set(layers) <= LAYERS
    request = example.block.get("asked", {}) | request
    principal = as_principal(request["principal"])
    account = request.get("account", principal.account_id)
    context = Context(request.get("context"))
    asked = AccessRequest(principal, request["action"], request["resource"], account, context)
    policies = as_policies(layers)
    assert explain(asked, policies).decision.outcome is evaluate(asked, policies).outcome
    return evaluate(asked, policies)


@pytest.mark.parametrize(("example", "request_"), requests())
def test_the_request_is_decided_as_the_document_says(example: Example, request_: dict[str, Any]) -> None:
    members = {"what", "principal", "action", "resource", "account", "context", "with", "outcome", "by"}
    assert set(request_) <= members
    decision = decide(example, request_)
    assert (decision.outcome.value, decision.layer.value) == (request_["outcome"], request_["by"])


def anchor(example: Example) -> str:
    """The name that a heading gets as a link."""
    heading = f"{example.number}. {example.title}".lower()
    return re.sub(r"[^a-z0-9 -]", "", heading).replace(" ", "-")


def row(example: Example) -> str:
    told = [f"{one['what']}: {OUTCOMES[one['outcome']]} ({one['by']})" for one in example.block["requests"]]
    link = f"[{example.number}. {example.title}](#{anchor(example)})"
    return f"| {link} | {example.page} | {example.words} | {'<br>'.join(told)} |"


def test_the_table_tells_what_the_examples_say() -> None:
    rows = [line for line in DOCUMENT.read_text().splitlines() if re.match(r"\| \[[0-9]+\. ", line)]
    assert rows == [row(example) for example in examples()]


def test_every_section_is_an_example_and_numbered() -> None:
    headings = re.findall(r"^### .+$", DOCUMENT.read_text(), re.MULTILINE)
    assert headings == [f"### {one.number}. {one.title}" for one in examples()]
    assert [one.number for one in examples()] == list(range(1, len(headings) + 1))


def test_the_examples_cover_every_outcome_and_layer() -> None:
    seen = {(one["outcome"], one["by"]) for example in examples() for one in example.block["requests"]}
    layers = {"resource-based policy", "identity-based policy", "session policy", "service control policy"}
    assert seen >= {(outcome, layer) for outcome in ("ExplicitDeny", "ImplicitDeny") for layer in layers}
    assert seen >= {("Allow", layer) for layer in ("resource-based policy", "identity-based policy", "grant")}
    assert seen >= {(outcome, "permissions boundary") for outcome in ("ExplicitDeny", "ImplicitDeny")}
    assert len(examples()) >= 60


@pytest.mark.parametrize("example", examples(), ids=lambda example: str(example.number))
def test_an_example_shows_a_difference(example: Example) -> None:
    """Each has requests with different outcomes, so that none would pass on an engine that always says the same."""
    assert len({one["outcome"] for one in example.block["requests"]}) >= 2
