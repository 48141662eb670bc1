"""An audit record in clear words: who asked for what, which policies were looked at, and what decided."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.trail import INTERNAL, AuditRecord, Explanation, Identity, Reason, as_cloudtrail
from strongroom.policy.decision import Layer, Outcome, StatementReference, verdict

_INDENT = "  "


def as_explanation(record: AuditRecord) -> dict[str, Any]:
    """Return the record with its reason as a value that JSON can hold."""
    reason = record.reason
    explained: dict[str, Any] = {"event": as_cloudtrail(record), "decision": None}
    if reason is None:
        return explained
    decision: dict[str, Any] = {
        "outcome": reason.outcome,
        "layer": reason.layer,
        "statements": [_as_value(reference) for reference in reason.statements],
        "policies": list(reason.sources),
    }
    if reason.explanation is not None:
        asked = reason.explanation
        decision |= {
            "action": asked.action,
            "resource": asked.resource,
            "context": asked.context,
            "trace": asked.statements,
            "remedy": asked.remedy,
            "additions": asked.additions,
        }
    explained["decision"] = decision
    return explained


def _as_value(reference: StatementReference) -> dict[str, Any]:
    return {
        "policy": reference.source,
        "statement": reference.index + 1,
        "sid": reference.sid or None,
        "text": json.loads(reference.text) if reference.text else None,
    }


def lines_of(record: AuditRecord) -> Iterator[str]:
    """Yield the record as lines of text."""
    when = as_datetime(record.at / 1000).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    yield f"{record.service}:{record.operation} at {when}, request {record.request_id}"
    yield f"{_INDENT}by      {_who(record.identity)}"
    if record.identity.type != INTERNAL:
        yield f"{_INDENT}from    {_where(record)}"
    for resource in record.resources:
        yield f"{_INDENT}on      {resource.arn}"
    if record.error_code is None:
        yield f"{_INDENT}answer  done"
    else:
        yield f"{_INDENT}answer  {record.error_code}" + (f": {record.error_message}" if record.error_message else "")
    yield ""
    if record.reason is None:
        yield "No policy was asked: the call was refused before, or needs no permission."
    else:
        yield from _decision(record.reason)


def _who(identity: Identity) -> str:
    if identity.type == INTERNAL:
        return "the service itself"
    named = identity.arn or identity.principal_id or identity.type
    told = f"{identity.type} {named}"
    if identity.session is not None and identity.type == "AssumedRole":
        told += f", a session of {identity.session.issuer_arn}"
    return f"{told} (access key {identity.access_key_id})" if identity.access_key_id else told


def _where(record: AuditRecord) -> str:
    secure = f"TLS {record.tls_version}" if record.tls_version else "plain HTTP"
    via = f", through {record.via}" if record.via else ""
    agent = f", {record.user_agent}" if record.user_agent else ""
    return f"{record.source_ip} in {record.region}, {secure}{via}{agent}"


def _decision(reason: Reason) -> Iterator[str]:
    yield verdict(Outcome(reason.outcome), Layer(reason.layer))
    for reference in reason.statements:
        sid = f' ("{reference.sid}")' if reference.sid else ""
        yield f"{_INDENT}statement {reference.index + 1}{sid} of {reference.source}:"
        if reference.text:
            yield from _indented(json.dumps(json.loads(reference.text), indent=2, ensure_ascii=False), 2)
    yield ""
    if reason.explanation is not None:
        yield from _refusal(reason.explanation)
    elif reason.sources:
        yield "Policies looked at:"
        yield from (_INDENT + source for source in reason.sources)
    else:
        yield "There was no policy to look at."


def _refusal(explanation: Explanation) -> Iterator[str]:
    yield f"Asked for: {explanation.action} on {explanation.resource}"
    if explanation.context:
        yield "Condition keys that policies asked for:"
        for key, values in explanation.context.items():
            yield f"{_INDENT}{key} = {', '.join(values) if values else '(absent)'}"
    yield ""
    yield "Policies looked at, and what they say:" if explanation.statements else "There was no policy to look at."
    for line in explanation.statements:
        yield _INDENT + line
    if explanation.remedy:
        yield ""
        yield "The least change that would allow it:"
        for line in explanation.remedy:
            yield _INDENT + line


def _indented(text: str, levels: int) -> list[str]:
    return textwrap.indent(text, _INDENT * levels).splitlines()
