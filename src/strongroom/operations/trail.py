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
from strongroom.model.service import service_model
from strongroom.model.shapes import Shape
from strongroom.policy.decision import StatementReference

EVENT_VERSION = "1.11"


class Identity(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Who called, as `userIdentity` shows it."""

    type: str
    principal_id: str
    arn: str
    account_id: str
    access_key_id: str
    username: str | None = None


class Resource(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A resource that the call was about."""

    arn: str
    account_id: str
    type: str


class Reason(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What decided: the outcome, the layer of policy, and the statements (source, index from 0, Sid)."""

    outcome: str
    layer: str
    statements: tuple[StatementReference, ...]


class AuditRecord(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One call. `at` is in milliseconds since the epoch; `request` and `answer` are redacted plain values."""

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


def event_id_of(request_id: str) -> str:
    """Return the id of the event that records a request: a UUID (version 8) made from the request's id."""
    digest = bytearray(hashlib.sha256(b"event " + request_id.encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))


def as_cloudtrail(record: AuditRecord) -> dict[str, Any]:
    """Return the record as a CloudTrail event, a dict that JSON can hold."""
    identity = record.identity
    model = service_model(record.service).operations[record.operation]
    event: dict[str, Any] = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": {
            "type": identity.type,
            "principalId": identity.principal_id,
            "arn": identity.arn,
            "accountId": identity.account_id,
            "accessKeyId": identity.access_key_id,
        },
        "eventTime": _time(as_datetime(record.at // 1000)),
        "eventSource": record.event_source,
        "eventName": record.operation,
        "awsRegion": record.region,
        "sourceIPAddress": record.source_ip,
        "userAgent": record.user_agent,
        "requestParameters": _shown(record.request, model.input),
        "responseElements": _shown(record.answer, model.output),
        "requestID": record.request_id,
        "eventID": event_id_of(record.request_id),
        "readOnly": record.reads_only,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": identity.account_id,
        "eventCategory": "Management",
    }
    if identity.username is not None:
        event["userIdentity"]["userName"] = identity.username
    if record.via is not None:
        # A call on somebody's behalf shows the calling service where a direct call shows an address.
        via = f"{record.via}.amazonaws.com"
        event["userIdentity"]["invokedBy"] = event["sourceIPAddress"] = event["userAgent"] = via
    if record.error_code is not None:
        event["errorCode"] = record.error_code.removesuffix("Exception") if _is_denial(record) else record.error_code
        event["errorMessage"] = record.error_message or ""
    if record.resources:
        event["resources"] = [
            {"accountId": each.account_id, "type": each.type, "ARN": each.arn} for each in record.resources
        ]
    if record.tls_version is not None:
        event["tlsDetails"] = {
            "tlsVersion": f"TLSv{record.tls_version}",
            "cipherSuite": record.tls_cipher,
            "clientProvidedHostHeader": record.host,
        }
    return event


def _is_denial(record: AuditRecord) -> bool:
    return record.error_code == "AccessDeniedException"


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(value: Any, shape: Shape | None) -> Any:
    """Return a plain value as CloudTrail writes it: members begin in lower case, a map's keys stay, times are text."""
    if shape is None:
        return None
    if isinstance(value, datetime):
        return _time(value)
    if shape.type == "structure" and isinstance(value, dict):
        return {
            name[:1].lower() + name[1:]: _shown(each, shape.members[name].target)
            for name, each in value.items()
            if name in shape.members
        }
    if shape.type == "list" and isinstance(value, (list, tuple)):
        return [_shown(each, shape.element.target) for each in value]
    if shape.type == "map" and isinstance(value, dict):
        return {name: _shown(each, shape.entry[1].target) for name, each in value.items()}
    return value
