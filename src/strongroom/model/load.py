"""Reading one service's model from botocore's data files, and our corrections to it.

botocore keeps a folder for each service and API version; we take the newest version, merge botocore's own
`sdk-extras`, then the entries of `patches.json`. No botocore code runs, and no other service is read.
"""

import gzip
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

PATCHES = Path(__file__).with_name("patches.json")


class Patch(msgspec.Struct, frozen=True):
    """One correction: merged into the model of `service` as a JSON merge patch (RFC 7396). `why` is its evidence."""

    service: str
    why: str
    merge: dict[str, Any]


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
    directory = data_directory() / service
    if not service or "/" in service or service.startswith(".") or not directory.is_dir():
        raise LookupError(f"botocore has no service {service!r}")
    # Versions are dates, so the greatest name is the newest version.
    newest = max(path for path in directory.iterdir() if path.is_dir())
    document: dict[str, Any] = msgspec.json.decode(_contents(newest / "service-2.json"))
    extras = newest / "service-2.sdk-extras.json"
    if extras.is_file():
        document = merged(document, msgspec.json.decode(extras.read_bytes()).get("merge", {}))
    for patch in patches():
        if patch.service == service:
            document = merged(document, patch.merge)
    return document


def _contents(path: Path) -> bytes:
    packed = path.with_name(path.name + ".gz")
    return gzip.decompress(packed.read_bytes()) if packed.is_file() else path.read_bytes()
