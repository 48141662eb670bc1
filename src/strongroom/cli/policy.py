"""`strongroom policy`: check policy documents, and decide requests on them, without a server."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from strongroom.base.errors import OperatorError

if TYPE_CHECKING:
    from strongroom.policy.explain import Explanation
    from strongroom.policy.policies import NamedPolicy
    from strongroom.policy.remedy import Remedy
    from strongroom.policy.request import AccessRequest
    from strongroom.policy.statement_syntax import PolicyKind
    from strongroom.policy_check.listing import Report

Kind = Literal["auto", "identity", "resource", "trust"]
CheckFormat = Literal["text", "json", "sarif"]
FailOn = Literal["error", "warning", "suggestion", "never"]

STANDARD_INPUT = Path("-")
EXIT_FOUND = 1
EXIT_DENIED = 1

# What a server is set to does not change what a document says: nothing comes from variables or files of settings.
policy = App(name="policy", help="Check policy documents, and decide requests on them, without a server.", config=())


@policy.command
def check(
    *files: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    kind: Kind = "auto",
    service: str = "",
    account_id: str = "",
    format: CheckFormat = "text",
    fail_on: FailOn = "warning",
) -> None:
    """Find what is invalid, dangerous or useless in policy documents.

    Exits with status 1 when there are findings of the level --fail-on or worse.

    Parameters
    ----------
    files
        Files of one JSON policy document each; - is standard input.
    kind
        What the policies are attached to; auto tells from their principals and actions.
    service
        Prefix of the service that a resource policy belongs to (kms, s3; vpce for a VPC endpoint).
    account_id
        Account of what the policies are attached to.
    format
        text: for people; json: a list of objects; sarif: for code scanners.
    fail_on
        Least severe level that makes the exit status 1.
    """
    from strongroom.policy_check.check import check as check_document
    from strongroom.policy_check.finding import Level

    if not files:
        raise OperatorError("name at least one file, or - for standard input")
    for path in files:
        if str(path).startswith("--"):
            raise OperatorError(f"there is no option {path}")
    texts = {_name(path): _read(path) for path in files}
    report = {
        name: check_document(text, _kind(kind), service=service.lower(), account_id=account_id)
        for name, text in texts.items()
    }
    _print_report(report, format)
    weight_min = Level(fail_on).weight if fail_on != "never" else None
    found = [finding.level.weight for findings in report.values() for finding in findings]
    if weight_min is not None and any(weight >= weight_min for weight in found):
        sys.exit(EXIT_FOUND)


@policy.command
def simulate(
    *,
    action: str,
    principal: str,
    resource: str = "*",
    policy: Annotated[list[Path] | None, Parameter(negative="")] = None,
    boundary: Path | None = None,
    session: Annotated[list[Path] | None, Parameter(negative="")] = None,
    resource_policy: Path | None = None,
    decisive: bool | None = None,
    context: Annotated[list[str] | None, Parameter(negative="")] = None,
    resource_account: str = "",
    role: str = "",
    format: Literal["text", "json"] = "text",
) -> None:
    """Decide one request on policies in files, and tell why; if it is denied, what would allow it.

    Exits with status 1 when the request is denied.

    Parameters
    ----------
    action
        What is to be done (kms:Decrypt).
    principal
        Who: ARN of a user, role or session; account id (its root user); name of a service; * for anonymous.
    resource
        ARN of what it is to be done to; * for an action that is about no resource.
    policy
        File of an identity-based policy; may be given several times.
    boundary
        File of the permissions boundary.
    session
        File of a session policy; may be given several times.
    resource_policy
        File of the resource's own policy (key policy, bucket policy, trust policy).
    decisive
        The resource's policy has to agree, also within its account; by default so for KMS keys and for roles.
    context
        Condition key and value (aws:SourceIp=192.0.2.1); may be given several times.
    resource_account
        Account that owns the resource; by default the one in its ARN, else the principal's.
    role
        ARN of the role of a session that is given by its own ARN, when the role has a path.
    format
        text: for people; json: one object.
    """
    from strongroom.base.clock import Clock
    from strongroom.policy.explain import explain
    from strongroom.policy.policies import Policies
    from strongroom.policy.remedy import remedy
    from strongroom.policy.statement_syntax import PolicyKind
    from strongroom.policy_check import simulation

    request = simulation.build_request(
        action=action,
        resource=resource,
        principal=simulation.read_principal(principal, role),
        resource_account=resource_account,
        context=simulation.read_context(context or ()),
        now=Clock().now_datetime(),
    )
    own = None if resource_policy is None else _policy(resource_policy, simulation.resource_policy_kind(action))
    policies = Policies(
        identity=[_policy(path, PolicyKind.IDENTITY) for path in policy or ()],
        boundary=None if boundary is None else _policy(boundary, PolicyKind.IDENTITY),
        session=None if session is None else [_policy(path, PolicyKind.IDENTITY) for path in session],
        resource=own,
        resource_is_decisive=simulation.is_decisive(action, resource) if decisive is None else decisive,
    )
    explanation = explain(request, policies)
    cure = remedy(request, policies, explanation.decision)
    if format == "json":
        print(json.dumps(_as_plain(request, explanation, cure), indent=2))
    else:
        _print_explanation(explanation, cure)
        if not explanation.decision.allowed and policies.resource is None and policies.resource_is_decisive:
            _print_line("\nNo --resource-policy was given: the policy of a key or role decides whether others count.")
    if not explanation.decision.allowed:
        sys.exit(EXIT_DENIED)


def _kind(kind: Kind) -> "PolicyKind | None":
    from strongroom.policy.statement_syntax import PolicyKind

    return None if kind == "auto" else PolicyKind[kind.upper()]


def _name(path: Path) -> str:
    return "stdin" if path == STANDARD_INPUT else str(path)


def _read(path: Path) -> str:
    """Return the text of a file. Raises OperatorError when it cannot be read, or is too large to be a policy."""
    from strongroom.policy_check.check import DOCUMENT_BYTES_MAX

    try:
        if path == STANDARD_INPUT:
            content = sys.stdin.buffer.read(DOCUMENT_BYTES_MAX + 1)
        else:
            with path.open("rb") as file:
                content = file.read(DOCUMENT_BYTES_MAX + 1)
        text = content.decode()
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise OperatorError(f"{_name(path)} is not text in UTF-8") from None
    if len(content) > DOCUMENT_BYTES_MAX:
        raise OperatorError(f"{_name(path)} is larger than {DOCUMENT_BYTES_MAX} bytes; that is no policy")
    return text


def _policy(path: Path, kind: "PolicyKind") -> "NamedPolicy":
    from strongroom.policy.policies import NamedPolicy
    from strongroom.policy_check.simulation import read_document

    return NamedPolicy(_name(path), read_document(_name(path), _read(path), kind))


def _print_report(report: "Report", format: CheckFormat) -> None:
    from strongroom import __version__
    from strongroom.policy_check.listing import as_lines, as_plain
    from strongroom.policy_check.sarif import as_sarif

    if format == "json":
        print(json.dumps(as_plain(report), indent=2))
    elif format == "sarif":
        print(json.dumps(as_sarif(report, __version__), indent=2))
    else:
        styles = {"error": "bold red", "warning": "yellow", "suggestion": "cyan"}
        for line, level in as_lines(report):
            _print_line(line, "" if level is None else styles[level.value])


def _print_explanation(explanation: "Explanation", cure: "Remedy") -> None:
    from strongroom.policy_check.listing import printable

    first, *others = explanation.lines()
    _print_line(printable(first), "bold green" if explanation.decision.allowed else "bold red")
    for reference in explanation.decision.statements:
        sid = f" ({reference.sid})" if reference.sid else ""
        _print_line(printable(f"by {reference.source}, statement {reference.index + 1}{sid}"))
    for heading, lines in (
        ("What the policies say:", others),
        ("The least change that would allow it:", list(cure.lines())),
    ):
        if lines:
            _print_line("")
            _print_line(heading, "bold")
            for line in lines:
                _print_line(printable(f"  {line}"))


def _print_line(line: str, style: str = "") -> None:
    """Print one line, in colour on a terminal; a pipe gets the very characters."""
    if not style or not sys.stdout.isatty():
        print(line)
        return
    from rich.console import Console
    from rich.text import Text

    Console(highlight=False).print(Text(line, style), soft_wrap=True)


def _as_plain(request: "AccessRequest", explanation: "Explanation", cure: "Remedy") -> dict[str, Any]:
    decision = explanation.decision
    return {
        "decision": decision.outcome.value,
        "layer": decision.layer.value,
        "principal": str(request.principal),
        "action": request.action,
        "resource": request.resource,
        "resource_account": request.resource_account_id,
        "decided_by": [reference_as_plain(reference) for reference in decision.statements],
        "statements": [
            {
                "layer": trace.layer.value,
                **reference_as_plain(trace.reference),
                "effect": trace.effect.value,
                "applies": trace.applies,
                "principal_matched": trace.principal_matched,
                "resource_matched": trace.resource_matched,
                "conditions": [dict(condition._asdict()) for condition in trace.conditions],
            }
            for trace in explanation.statements
            if trace.relevant
        ],
        "remedy": None if decision.allowed else remedy_as_plain(cure),
    }


def reference_as_plain(reference: Any) -> dict[str, Any]:
    """Return where a statement stands as plain values; its place counts from 0."""
    return {"source": reference.source, "statement": reference.index, "sid": reference.sid or None}


def remedy_as_plain(cure: "Remedy") -> dict[str, Any]:
    """Return a remedy as plain values."""
    return {
        "obstacles": [
            {
                "layer": one.layer.value,
                **reference_as_plain(one.reference),
                "ways_out": list(one.ways_out),
            }
            for one in cure.obstacles
        ],
        "additions": [one.as_plain() for one in cure.additions],
        "near_misses": [
            {"layer": one.layer.value, **reference_as_plain(one.reference), "unmet": list(one.unmet)}
            for one in cure.near_misses
        ],
        "is_sufficient": cure.is_sufficient,
        "unreadable": list(cure.unreadable),
    }
