"""Object keys in listings, percent-encoded where the client asks for it (`encoding-type=url`).

A key may hold characters that XML does not have.

Source: Amazon S3 API Reference, "ListObjectsV2" (EncodingType), and its siblings; answers of AWS.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus

Change = Callable[[Any], Any]


def url_encoded(text: str) -> str:
    """Return a key as a listing encodes it: slashes and asterisks stay, a space is a plus."""
    return quote_plus(text, safe="/*")


def _each(**members: Change) -> Change:
    def change(items: Any) -> Any:
        return [_changed(item, members) for item in items]

    return change


def _changed(value: Mapping[str, Any], members: Mapping[str, Change]) -> dict[str, Any]:
    return {name: members[name](item) if name in members and item is not None else item for name, item in value.items()}


_KEYS = _each(Key=url_encoded)
_PREFIXES = _each(Prefix=url_encoded)

_ENCODED: Mapping[str, Mapping[str, Change]] = {
    "ListObjects": {
        "Contents": _KEYS,
        "CommonPrefixes": _PREFIXES,
        "Prefix": url_encoded,
        "Delimiter": url_encoded,
        "Marker": url_encoded,
        "NextMarker": url_encoded,
    },
    "ListObjectsV2": {
        "Contents": _KEYS,
        "CommonPrefixes": _PREFIXES,
        "Prefix": url_encoded,
        "Delimiter": url_encoded,
        "StartAfter": url_encoded,
    },
    "ListObjectVersions": {
        "Versions": _KEYS,
        "DeleteMarkers": _KEYS,
        "CommonPrefixes": _PREFIXES,
        "Prefix": url_encoded,
        "Delimiter": url_encoded,
        "KeyMarker": url_encoded,
        "NextKeyMarker": url_encoded,
    },
    "ListMultipartUploads": {
        "Uploads": _KEYS,
        "CommonPrefixes": _PREFIXES,
        "Prefix": url_encoded,
        "Delimiter": url_encoded,
        "KeyMarker": url_encoded,
        "NextKeyMarker": url_encoded,
    },
}


def with_encoded_keys(operation: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with its keys encoded, if it is a listing whose `EncodingType` is `url`; else as it is."""
    members = _ENCODED.get(operation)
    return answer if members is None or answer.get("EncodingType") != "url" else _changed(answer, members)
