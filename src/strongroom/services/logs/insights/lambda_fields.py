"""Fields discovered in the lines that the runtime of functions writes: START, END and REPORT.

`@type`, `@requestId`, `@duration` and `@billedDuration` (milliseconds), `@initDuration`, `@memorySize` and
`@maxMemoryUsed` (bytes), `@xrayTraceId`, `@xraySegmentId`. Source: CloudWatch Logs User Guide, "Supported logs and
discovered fields".
"""

from strongroom.services.logs.insights.values import Value, settled
from strongroom.services.logs.numbers import number_of

_LINES = ("START", "END", "REPORT")
_BYTES_IN_A_MEGABYTE = 1_000_000
_MEASURES = {
    "Duration": ("@duration", 1),
    "Billed Duration": ("@billedDuration", 1),
    "Init Duration": ("@initDuration", 1),
    "Memory Size": ("@memorySize", _BYTES_IN_A_MEGABYTE),
    "Max Memory Used": ("@maxMemoryUsed", _BYTES_IN_A_MEGABYTE),
}
_NAMES = {"XRAY TraceId": "@xrayTraceId", "SegmentId": "@xraySegmentId"}


def lambda_fields_of(message: str) -> dict[str, Value]:
    """Return the fields of such a line, none for any other message."""
    line, _, rest = message.partition(" ")
    if line not in _LINES or not rest.startswith("RequestId: "):
        return {}
    parts = rest.strip().split("\t")
    identifier = parts[0].removeprefix("RequestId: ").split(" ", 1)[0]
    fields: dict[str, Value] = {"@type": line, "@requestId": identifier}
    for part in parts[1:]:
        label, _, told = part.strip().partition(": ")
        if label in _NAMES:
            fields[_NAMES[label]] = told
        elif label in _MEASURES:
            name, factor = _MEASURES[label]
            number = number_of(told.split(" ", 1)[0])
            fields[name] = None if number is None else settled(number * factor)
    return fields
