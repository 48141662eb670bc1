"""Audit records: how a call is written down, and how it reads in the shape of CloudTrail.

Source: AWS CloudTrail User Guide, "CloudTrail record contents". A record never holds plaintext, secrets or key
material: request and answer are redacted by the service model (what it marks sensitive, and every blob).
"""

import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec

from strongroom.base.clock import as_datetime
from strongroom.base.context import new_request_id
from strongroom.model.service import service_model
from strongroom.model.shapes import Shape
from strongroom.policy.decision import StatementReference

EVENT_VERSION = "1.11"
INTERNAL = "AWS Internal"
"""What CloudTrail shows in place of a caller where a service acted by itself, and so the type of that identity."""


class SessionContext(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What `userIdentity` tells of temporary credentials. `issued_at` is in seconds.

    The issuer is the role or user that they were made of; `provider` is who vouched for a web identity.
    """

    issuer_type: str
    issuer_id: str
    issuer_arn: str
    issuer_name: str
    issued_at: float
    mfa_authenticated: bool
    source_identity: str = ""
    provider: str = ""


class Identity(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Who called, as `userIdentity` shows it."""

    type: str
    principal_id: str
    arn: str
    account_id: str
    access_key_id: str
    username: str | None = None
    session: SessionContext | None = None
    provider: str = ""


class Resource(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A resource that the call was about."""

    arn: str
    account_id: str
    type: str


class Explanation(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What was asked and why it was refused, for `strongroom explain` and DecodeAuthorizationMessage.

    `context` holds the condition keys that policies asked for, with the request's values. `statements` tells what each
    policy says about the action, as lines of text; `remedy` is the least change that would have allowed it, as lines
    too; `additions` are the statements of that change, each with the `layer` and the `owner` of the policy it belongs
    into.
    """

    action: str
    resource: str
    context: dict[str, list[str]]
    statements: list[str]
    remedy: list[str]
    additions: list[dict[str, Any]] = []


class Reason(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What decided: the outcome, the layer of policy, and the statements (source, index from 0, Sid, text).

    `sources` names every policy that was looked at. `explanation` is there for what was refused.
    """

    outcome: str
    layer: str
    statements: tuple[StatementReference, ...]
    sources: tuple[str, ...] = ()
    explanation: Explanation | None = None


class AuditRecord(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One call, or one thing that a service did by itself (`identity.type` is INTERNAL then, and `details` tells more).

    `at` is in milliseconds since the epoch; `request` and `answer` are redacted plain values.
    """

    at: int
    request_id: str
    service: str
    event_source: str
    operation: str
    region: str
    identity: Identity
    source_ip: str
    user_agent: str
    host: str
    tls_version: str | None
    tls_cipher: str | None
    reads_only: bool
    request: Any
    answer: Any
    error_code: str | None
    error_message: str | None
    resources: tuple[Resource, ...]
    reason: Reason | None
    via: str | None
    details: dict[str, str] | None = None


def service_event(
    service: str,
    event_source: str,
    name: str,
    region: str,
    resource: Resource,
    now: float,
    details: dict[str, str] | None = None,
) -> AuditRecord:
    """Return the record of what a service did to `resource` without being called. `now` is in seconds."""
    identity = Identity(INTERNAL, "", "", resource.account_id, "")
    return AuditRecord(
        int(now * 1000),
        new_request_id(now),
        service,
        event_source,
        name,
        region,
        identity,
        source_ip=INTERNAL,
        user_agent=INTERNAL,
        host="",
        tls_version=None,
        tls_cipher=None,
        reads_only=False,
        request=None,
        answer=None,
        error_code=None,
        error_message=None,
        resources=(resource,),
        reason=None,
        via=None,
        details=details,
    )


def event_id_of(request_id: str, service: str, operation: str) -> str:
    """Return the id of the event that records a call: a UUID (version 8) made from the request's id and the operation.

    Calls that a service makes on behalf of a request share its id; their events have ids of their own.
    """
    digest = bytearray(hashlib.sha256(f"event {request_id} {service} {operation}".encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))


def as_cloudtrail(record: AuditRecord) -> dict[str, Any]:
    """Return the record as a CloudTrail event, a dict that JSON can hold."""
    event: dict[str, Any] = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": {"accountId": record.identity.account_id, "invokedBy": INTERNAL},
        "eventTime": _time(as_datetime(record.at // 1000)),
        "eventSource": record.event_source,
        "eventName": record.operation,
        "awsRegion": record.region,
        "sourceIPAddress": record.source_ip,
        "userAgent": record.user_agent,
        "requestParameters": None,
        "responseElements": None,
        "eventID": event_id_of(record.request_id, record.service, record.operation),
        "readOnly": record.reads_only,
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": record.identity.account_id,
        "eventCategory": "Management",
    }
    if record.resources:
        event["resources"] = [
            {"accountId": each.account_id, "type": each.type, "ARN": each.arn} for each in record.resources
        ]
    if record.identity.type != INTERNAL:
        _tell_of_call(event, record)
    elif record.details is not None:
        event["serviceEventDetails"] = record.details
    return event


def _tell_of_call(event: dict[str, Any], record: AuditRecord) -> None:
    identity = record.identity
    model = service_model(record.service).operations[record.operation]
    event["eventType"] = "AwsApiCall"
    event["requestID"] = record.request_id
    event["requestParameters"] = _shown(record.request, model.input)
    event["responseElements"] = _shown(record.answer, model.output)
    event["userIdentity"] = {
        "type": identity.type,
        "principalId": identity.principal_id,
        "arn": identity.arn,
        "accountId": identity.account_id,
        "accessKeyId": identity.access_key_id,
    }
    if identity.username is not None:
        event["userIdentity"]["userName"] = identity.username
    if identity.provider:
        event["userIdentity"]["identityProvider"] = identity.provider
    if identity.session is not None:
        event["userIdentity"]["sessionContext"] = _session_context(identity, identity.session)
    if record.via is not None:
        # A call on somebody's behalf shows the calling service where a direct call shows an address.
        via = f"{record.via}.amazonaws.com"
        event["userIdentity"]["invokedBy"] = event["sourceIPAddress"] = event["userAgent"] = via
    if record.error_code is not None:
        event["errorCode"] = record.error_code.removesuffix("Exception") if _is_denial(record) else record.error_code
        event["errorMessage"] = record.error_message or ""
    if record.tls_version is not None:
        event["tlsDetails"] = {
            "tlsVersion": f"TLSv{record.tls_version}",
            "cipherSuite": record.tls_cipher,
            "clientProvidedHostHeader": record.host,
        }


def _session_context(identity: Identity, session: SessionContext) -> dict[str, Any]:
    context: dict[str, Any] = {
        "sessionIssuer": {
            "type": session.issuer_type,
            "principalId": session.issuer_id,
            "arn": session.issuer_arn,
            "accountId": identity.account_id,
            "userName": session.issuer_name,
        },
        "attributes": {
            "creationDate": _time(as_datetime(session.issued_at)),
            "mfaAuthenticated": "true" if session.mfa_authenticated else "false",
        },
    }
    if identity.type != "AssumedRole":
        # The session of a user or of the root user has nobody else behind it.
        del context["sessionIssuer"]
    if session.source_identity:
        context["sourceIdentity"] = session.source_identity
    if session.provider:
        context["webIdFederationData"] = {"federatedProvider": session.provider, "attributes": {}}
    return context


def _is_denial(record: AuditRecord) -> bool:
    return record.error_code in ("AccessDeniedException", "AccessDenied")


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _member_name(name: str) -> str:
    return "arn" if name == "ARN" else name[:1].lower() + name[1:]


def _shown(value: Any, shape: Shape | None) -> Any:
    """Return a plain value as CloudTrail writes it: members begin in lower case, a map's keys stay, times are text."""
    if shape is None:
        return None
    if isinstance(value, datetime):
        return _time(value)
    if shape.type == "structure" and isinstance(value, dict):
        return {
            _member_name(name): _shown(each, shape.members[name].target)
            for name, each in value.items()
            if name in shape.members
        }
    if shape.type == "list" and isinstance(value, (list, tuple)):
        return [_shown(each, shape.element.target) for each in value]
    if shape.type == "map" and isinstance(value, dict):
        return {name: _shown(each, shape.entry[1].target) for name, each in value.items()}
    return value
