"""The one way from a subscription filter to the function that it sends events to.

Whoever serves functions calls `envelope` and invokes the function with it; there is nothing else to know.
Source: AWS Lambda Developer Guide, "Using Lambda with CloudWatch Logs".
"""

import base64
import gzip
from collections.abc import Sequence

import msgspec

from strongroom.operations.registry import find_operation
from strongroom.services.logs.events.batches import Event
from strongroom.services.logs.groups.directory import Place

FUNCTIONS_SERVICE = "lambda"


def can_deliver() -> bool:
    """Return whether functions are served here, so that a subscription filter has somewhere to deliver to."""
    return find_operation(FUNCTIONS_SERVICE, "Invoke") is not None


def envelope(place: Place, stream: str, filter_name: str, events: Sequence[Event]) -> dict[str, dict[str, str]]:
    """Return what a function is invoked with: events of one stream, as JSON, compressed, in Base64."""
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": place.account_id,
        "logGroup": place.name,
        "logStream": stream,
        "subscriptionFilters": [filter_name],
        "logEvents": [
            {"id": event.id_text, "timestamp": event.timestamp, "message": event.message} for event in events
        ],
    }
    packed = gzip.compress(msgspec.json.encode(data), mtime=0)
    return {"awslogs": {"data": base64.b64encode(packed).decode("ascii")}}
