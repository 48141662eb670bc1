"""Reading one service's model from botocore's data files, and our corrections to it.

botocore keeps a folder for each service and API version; we take the newest version, merge botocore's own
`sdk-extras`, then the entries of `patches.json`. No botocore code runs, and no other service is read.

A model is large, and most of it is documentation and operations that are not served. `read_parts` leaves its parts
undecoded, which takes a tenth of the time and lets each be decoded when it is needed.
"""

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

try:
    # It takes half the time; a client alone does without.
    from isal import isal_zlib as zlib
except ImportError:
    import zlib  # type: ignore[no-redef]

_GZIP = 31
"""What tells zlib that its input is a gzip file."""

PATCHES = Path(__file__).with_name("patches.json")


class Patch(msgspec.Struct, frozen=True):
    """One correction: merged into the model of `service` as a JSON merge patch (RFC 7396). `why` is its evidence."""

    service: str
    why: str
    merge: dict[str, Any]


class Parts(msgspec.Struct):
    """A model whose operations and shapes are still JSON, by name."""

    metadata: dict[str, Any]
    operations: dict[str, msgspec.Raw]
    shapes: dict[str, msgspec.Raw]


class PatchFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `patches.json` holds."""

    about: str
    patches: list[Patch]


@cache
def data_directory() -> Path:
    """Return botocore's data folder, without importing botocore. Raises ModuleNotFoundError when there is none."""
    spec = find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("botocore is not installed")
    return Path(spec.submodule_search_locations[0]) / "data"


@cache
def patches() -> tuple[Patch, ...]:
    """Return our corrections, in the order in which they apply."""
    return tuple(msgspec.json.decode(PATCHES.read_bytes(), type=PatchFile).patches)


def merged(document: Any, patch: Any) -> Any:
    """Return `document` with `patch` merged into it. Source: RFC 7396, JSON Merge Patch."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def read_document(service: str) -> dict[str, Any]:
    """Return the newest model of `service` (botocore's folder name, such as `kms`), corrected, as plain data.

    Raises LookupError for a service that botocore does not know.
    """
    newest = _newest(service)
    document: dict[str, Any] = msgspec.json.decode(_contents(newest))
    for merge in _corrections(service, newest):
        document = merged(document, merge)
    return document


def read_parts(service: str) -> Parts:
    """Return what `read_document` does, in parts that are not decoded. Raises LookupError for an unknown service."""
    newest = _newest(service)
    parts = msgspec.json.decode(_contents(newest), type=Parts)
    for merge in _corrections(service, newest):
        parts.metadata = merged(parts.metadata, merge.get("metadata", {}))
        _merge_each(parts.operations, merge.get("operations", {}))
        _merge_each(parts.shapes, merge.get("shapes", {}))
    return parts


def parts_of(document: dict[str, Any]) -> Parts:
    """Return a model that is plain data in parts."""
    return msgspec.json.decode(msgspec.json.encode(document), type=Parts)


def _merge_each(parts: dict[str, msgspec.Raw], patch: dict[str, Any]) -> None:
    for name, change in patch.items():
        if change is None:
            parts.pop(name, None)
        else:
            part = msgspec.json.decode(parts[name]) if name in parts else None
            parts[name] = msgspec.Raw(msgspec.json.encode(merged(part, change)))


def _newest(service: str) -> Path:
    directory = data_directory() / service
    if not service or "/" in service or service.startswith(".") or not directory.is_dir():
        raise LookupError(f"botocore has no service {service!r}")
    # Versions are dates, so the greatest name is the newest version.
    return max(path for path in directory.iterdir() if path.is_dir())


def _corrections(service: str, newest: Path) -> Iterator[dict[str, Any]]:
    extras = newest / "service-2.sdk-extras.json"
    if extras.is_file():
        yield msgspec.json.decode(extras.read_bytes()).get("merge", {})
    for patch in patches():
        if patch.service == service:
            yield patch.merge


def _contents(directory: Path) -> bytes:
    path = directory / "service-2.json"
    packed = directory / "service-2.json.gz"
    return zlib.decompress(packed.read_bytes(), _GZIP) if packed.is_file() else path.read_bytes()
