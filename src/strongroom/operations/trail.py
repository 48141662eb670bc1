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
from strongroom.operations.event_names import S3_OBJECT, event_name, is_management
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

    `at` is in milliseconds since the epoch; `request` and `answer` are redacted plain values. `number` tells apart the
    calls that services made on behalf of one request. `additional` is what CloudTrail shows as `additionalEventData`.
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
    number: int = 0
    additional: dict[str, Any] | None = None


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


def event_id_of(request_id: str, service: str, operation: str, number: int = 0, recipient: str = "") -> str:
    """Return the id of the event that records a call: a UUID (version 8) made from what tells the call from others.

    Its first 48 bits are those of the request's id, the time in milliseconds, so that an event is found by its id alone
    (`time_of_event_id`). `number` is that of the record; `recipient` is the account that gets the event, empty for the
    caller's own: the events that two accounts get of one call have ids of their own.
    """
    named = f"event {request_id} {service} {operation}"
    if number or recipient:
        named += f" {number} {recipient}"
    digest = bytearray(hashlib.sha256(named.encode()).digest()[:16])
    digest[:6] = bytes.fromhex(request_id[:8] + request_id[9:13])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))


def time_of_event_id(event_id: str) -> int | None:
    """Return when the call that an event records was received (milliseconds), or None for what is no id of ours."""
    try:
        found = uuid.UUID(event_id)
    except ValueError:
        return None
    return found.int >> 80 if found.version == 8 and str(found) == event_id.lower() else None


def recipients_of(record: "AuditRecord") -> set[str]:
    """Return the accounts that get an event of a record: the caller's, and those whose resources it was about.

    Somebody who was refused leaves no trace in another account. Source: AWS CloudTrail User Guide, "CloudTrail record
    contents", sharedEventID; Amazon S3 User Guide, "Object-level actions in cross-account scenarios".
    """
    recipients = {record.identity.account_id}
    if not is_denial(record.error_code):
        recipients.update(resource.account_id for resource in record.resources)
    recipients.discard("")
    return recipients


def as_cloudtrail(record: AuditRecord, recipient: str | None = None) -> dict[str, Any]:
    """Return the record as a CloudTrail event, a dict that JSON can hold.

    `recipient` is the account that gets it, by default the caller's. Another one whose resource the call was about is
    not told the caller's ARN, name and access key. Source: AWS CloudTrail User Guide, "CloudTrail record contents".
    """
    account_id = record.identity.account_id
    recipient = recipient or account_id or next((each.account_id for each in record.resources), "")
    is_management_event = is_management(record.service, record.operation)
    elsewhere = recipient if recipient != account_id else ""
    event: dict[str, Any] = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": {"accountId": account_id, "invokedBy": INTERNAL},
        "eventTime": _time(as_datetime(record.at // 1000)),
        "eventSource": record.event_source,
        "eventName": event_name(record.service, record.operation),
        "awsRegion": record.region,
        "sourceIPAddress": record.source_ip,
        "userAgent": record.user_agent,
        "requestParameters": None,
        "responseElements": None,
        "eventID": event_id_of(record.request_id, record.service, record.operation, record.number, elsewhere),
        "readOnly": record.reads_only,
        "eventType": "AwsServiceEvent",
        "managementEvent": is_management_event,
        "recipientAccountId": recipient,
        "eventCategory": "Management" if is_management_event else "Data",
    }
    # IAM's events name their resources in the parameters alone, and in the event history.
    if record.resources and record.service != "iam":
        event["resources"] = _resources(record)
    if len(recipients_of(record)) > 1:
        event["sharedEventID"] = event_id_of(record.request_id, record.service, record.operation, record.number, "all")
    if record.identity.type != INTERNAL:
        _tell_of_call(event, record)
        if elsewhere and account_id:
            event["userIdentity"] = _stranger(event["userIdentity"])
    else:
        _tell_of_service(event, record)
    return event


def _tell_of_service(event: dict[str, Any], record: AuditRecord) -> None:
    if record.details is not None:
        event["serviceEventDetails"] = record.details
    if record.additional:
        event["additionalEventData"] = record.additional
    if record.error_message is not None:
        event["errorMessage"] = record.error_message


def _resources(record: AuditRecord) -> list[dict[str, str]]:
    shown: list[dict[str, str]] = []
    for each in record.resources:
        shown.append({"accountId": each.account_id, "type": each.type, "ARN": each.arn})
        bucket = each.arn.partition("/")[0]
        if each.type == S3_OBJECT:
            # CloudTrail names the bucket beside the object, and the account beside the bucket alone.
            del shown[-1]["accountId"]
            shown.append({"accountId": each.account_id, "type": "AWS::S3::Bucket", "ARN": bucket})
    return list({each["ARN"]: each for each in shown}.values())


def _stranger(identity: dict[str, Any]) -> dict[str, Any]:
    """Return what the owner of a resource is told of a caller of another account."""
    told = {"type": "AWSAccount", "principalId": identity["principalId"], "accountId": identity["accountId"]}
    return told | {name: identity[name] for name in ("invokedBy",) if name in identity}


def _identity(identity: Identity) -> dict[str, Any]:
    if identity.type == "AWSService":
        return {"type": identity.type, "invokedBy": identity.username or INTERNAL}
    if identity.type == "Anonymous":
        return {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}
    shown: dict[str, Any] = {
        "type": identity.type,
        "principalId": identity.principal_id,
        "arn": identity.arn,
        "accountId": identity.account_id,
        "accessKeyId": identity.access_key_id,
    }
    if identity.username is not None:
        shown["userName"] = identity.username
    if identity.provider:
        shown["identityProvider"] = identity.provider
    if identity.session is not None:
        shown["sessionContext"] = _session_context(identity, identity.session)
    return shown


def _tell_of_call(event: dict[str, Any], record: AuditRecord) -> None:
    described = service_model(record.service)
    model = described.operations.get(record.operation) or described.undescribed(record.operation)
    event["eventType"] = "AwsApiCall"
    event["requestID"] = record.request_id
    event["requestParameters"] = _shown(record.request, model.input) or None
    event["responseElements"] = _shown(record.answer, model.output) or None
    event["userIdentity"] = _identity(record.identity)
    if record.service == "s3":
        event["requestParameters"] = _s3_parameters(record, model.input)
    if record.additional:
        event["additionalEventData"] = record.additional
    via = f"{record.via}.amazonaws.com" if record.via is not None else None
    if record.identity.type == "AWSService":
        via = event["userIdentity"]["invokedBy"]
    if via is not None:
        # A call on somebody's behalf shows the calling service where a direct call shows an address.
        event["userIdentity"]["invokedBy"] = event["sourceIPAddress"] = event["userAgent"] = via
    if record.error_code is not None:
        denied = is_denial(record.error_code)
        event["errorCode"] = record.error_code.removesuffix("Exception") if denied else record.error_code
        event["errorMessage"] = record.error_message or ""
    if record.tls_version is not None and via is None:
        event["tlsDetails"] = {
            "tlsVersion": f"TLSv{record.tls_version}",
            "cipherSuite": record.tls_cipher,
            "clientProvidedHostHeader": record.host,
        }


def _s3_parameters(record: AuditRecord, shape: Shape | None) -> dict[str, Any]:
    """Return S3's parameters as CloudTrail names them: those of headers and queries as they are called there."""
    shown: dict[str, Any] = {} if not record.host else {"Host": record.host}
    for name, value in (record.request or {}).items():
        member = shape.members.get(name) if shape is not None else None
        if member is None:
            continue
        named = member.location_name if member.location in ("header", "querystring") else name[:1].lower() + name[1:]
        shown["bucketName" if name == "Bucket" else named] = _shown(value, member.target)
    return shown


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


def is_denial(error_code: str | None) -> bool:
    """Whether a call was refused because its caller may not do this."""
    return error_code in ("AccessDeniedException", "AccessDenied")


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
