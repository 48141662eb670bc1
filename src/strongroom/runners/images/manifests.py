"""What an image says that it is made of: indexes, manifests and configurations, read with nothing taken on trust.

Source: OCI Image Specification, "Image Index", "Image Manifest", "Image Configuration"; Docker, "Image Manifest
Version 2, Schema 2".
"""

import hashlib
import json
import platform
import re
from typing import Any, NamedTuple

from strongroom.runners.images.bounds import BLOB_BYTES_MAX, DOCUMENT_BYTES_MAX, LAYERS_MAX
from strongroom.runners.images.names import DIGEST
from strongroom.runners.images.refusals import ImageRefused

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Descriptor(NamedTuple):
    """What is somewhere else, by its digest. `size` is in bytes."""

    digest: str
    size: int


class Manifest(NamedTuple):
    """The parts of one image, its lowest layer first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


class ImageConfig(NamedTuple):
    """What of an image's configuration is heeded. `diff_ids` are the digests of its layers, uncompressed."""

    image_id: str
    variables: dict[str, str]
    diff_ids: tuple[str, ...]


def digest_of(content: bytes) -> str:
    """Return the digest of some bytes, as images write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def architecture() -> str:
    """Return this machine's architecture, by the name that images have for it."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def read_document(content: bytes, what: str, digest: str = "") -> Any:
    """Return what a JSON document holds. Raises ImageRefused for one that is none, or has another digest."""
    if digest and digest_of(content) != digest:
        raise ImageRefused(f"its {what} does not have the digest {digest}")
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise ImageRefused(f"its {what} is no JSON") from None


def read_descriptor(found: Any) -> Descriptor:
    """Return a descriptor. Raises ImageRefused."""
    digest, size = _member(found, "digest", str), _member(found, "size", int)
    if not DIGEST.fullmatch(digest):
        raise ImageRefused(f"it names a part by the digest {digest[:80]!r}, which is no SHA-256")
    if not 0 <= size <= BLOB_BYTES_MAX:
        raise ImageRefused(f"a part of it has {size:,} bytes; at most {BLOB_BYTES_MAX:,} are allowed")
    return Descriptor(digest, size)


def is_index(document: Any) -> bool:
    """Return whether a document lists manifests of several platforms, and is not one itself."""
    return isinstance(document, dict) and (document.get("mediaType") in INDEXES or "manifests" in document)


def choose(index: Any) -> Descriptor:
    """Return the manifest in an index that is for this machine. Raises ImageRefused when there is none."""
    found = []
    for each in _member(index, "manifests", list):
        wanted = each.get("platform") if isinstance(each, dict) else None
        if not isinstance(wanted, dict):
            # An archive of one image need not say what it is for; its configuration does.
            found.append(each)
        elif (wanted.get("os"), wanted.get("architecture")) == ("linux", architecture()):
            found.append(each)
    if not found:
        raise ImageRefused(f"there is none of it for linux/{architecture()}")
    return read_descriptor(found[0])


def read_manifest(document: Any) -> Manifest:
    """Return a manifest. Raises ImageRefused for one that is of another kind, or has too many layers."""
    if not isinstance(document, dict) or document.get("schemaVersion") != 2 or "config" not in document:
        raise ImageRefused("its manifest is of a kind that is not known here")
    layers = _member(document, "layers", list)
    if len(layers) > LAYERS_MAX:
        raise ImageRefused(f"it has {len(layers)} layers; at most {LAYERS_MAX} are allowed")
    config = read_descriptor(document["config"])
    if config.size > DOCUMENT_BYTES_MAX:
        raise ImageRefused("its configuration is too large")
    return Manifest(config, tuple(read_descriptor(layer) for layer in layers))


def read_config(content: bytes, digest: str = "") -> ImageConfig:
    """Return an image's configuration. Raises ImageRefused for one of another platform."""
    document = read_document(content, "configuration", digest)
    made_for = (_member(document, "os", str), _member(document, "architecture", str))
    if made_for != ("linux", architecture()):
        raise ImageRefused(f"it is for {'/'.join(made_for)[:80]}, and this machine is linux/{architecture()}")
    diff_ids = _member(_member(document, "rootfs", dict), "diff_ids", list)
    if not all(isinstance(each, str) and DIGEST.fullmatch(each) for each in diff_ids):
        raise ImageRefused("its configuration does not name its layers by SHA-256")
    settings = document.get("config")
    given = (settings.get("Env") if isinstance(settings, dict) else None) or []
    return ImageConfig(digest_of(content), _variables(given), tuple(diff_ids))


def _variables(given: Any) -> dict[str, str]:
    found = {}
    for each in given if isinstance(given, list) else ():
        name, _, value = str(each).partition("=")
        if _VARIABLE.fullmatch(name) and "\0" not in value:
            found[name] = value
    return found


def _member(document: Any, name: str, kind: type) -> Any:
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ImageRefused(f"what describes it has no proper {name}")
    return value
