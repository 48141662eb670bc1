"""How images are named: in a registry as `HOST/REPOSITORY:TAG`; whatever else is a name, in the operator's folder.

Source: OCI Distribution Specification, "Pulling manifests" (names and tags); OCI Image Specification, "Digests".
"""

import re
from typing import NamedTuple

_STEP = r"[A-Za-z0-9][A-Za-z0-9_.:-]*"
_LOCAL = re.compile(rf"{_STEP}(/{_STEP})*")
_HOST = re.compile(r"(?=[^/]*[.:]|localhost$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
_REPOSITORY = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

NAME_CHARACTERS_MAX = 512
DEFAULT_TAG = "latest"


class RegistryImage(NamedTuple):
    """An image in a registry: by its `digest` where there is one, else by its `tag`."""

    host: str
    repository: str
    tag: str
    digest: str = ""

    @property
    def reference(self) -> str:
        """What its manifest is asked for by."""
        return self.digest or self.tag


class FolderImage(NamedTuple):
    """An image in the operator's folder: a directory or an archive of this name. No step of it begins with a dot."""

    name: str


def read_image_name(text: str) -> RegistryImage | FolderImage | None:
    """Return what a name means, None when it is no name of an image that is known here."""
    if len(text) > NAME_CHARACTERS_MAX:
        return None
    host, _, rest = text.partition("/")
    if not rest or not _HOST.fullmatch(host):
        return FolderImage(text) if _LOCAL.fullmatch(text) else None
    rest, at, digest = rest.partition("@")
    # A colon behind the last slash begins a tag: the host's has been cut off.
    repository, colon, tag = rest.partition(":")
    tag = tag if colon else DEFAULT_TAG
    if not _REPOSITORY.fullmatch(repository) or not _TAG.fullmatch(tag):
        return None
    if at and not DIGEST.fullmatch(digest):
        return None
    return RegistryImage(host, repository, tag, digest)
