"""Images in archives, as `docker save` writes them, or as an OCI layout in a TAR file.

Source: OCI Image Specification, "Image Layout"; Docker Engine API, "Export an image" (the image tarball format).
"""

import tarfile
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from strongroom.runners.images.bounds import BLOB_BYTES_MAX, DOCUMENT_BYTES_MAX, LAYERS_MAX
from strongroom.runners.images.headers import UNREADABLE, BoundedHeader
from strongroom.runners.images.manifests import (
    Descriptor,
    ImageConfig,
    choose,
    is_index,
    read_config,
    read_document,
    read_manifest,
)
from strongroom.runners.images.refusals import ImageRefused

_INDEXES_DEEP_MAX = 4


class ArchivedImage:
    """The one image of an archive, opened for reading. Raises ImageRefused for anything else."""

    def __init__(self, path: Path) -> None:
        try:
            # Compressed as a whole it would have to be read from its beginning for every part.
            self._archive = tarfile.open(path, "r:", tarinfo=BoundedHeader)  # noqa: SIM115
        except (*UNREADABLE, OSError):
            raise ImageRefused("it is no TAR archive, or compressed as a whole") from None
        try:
            self._names = set(self._archive.getnames())
            self.config, self._layers = self._docker() if "manifest.json" in self._names else self._layout()
        except (*UNREADABLE, OSError) as error:
            self._archive.close()
            raise ImageRefused(f"its archive cannot be read: {error}") from None
        except BaseException:
            self._archive.close()
            raise
        self.layers = tuple(Descriptor(digest, BLOB_BYTES_MAX) for _, digest in self._layers)

    def __enter__(self) -> "ArchivedImage":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()

    def open_layer(self, number: int) -> IO[bytes]:
        """Return a layer as it is stored."""
        return self._open(self._layers[number][0])

    def _open(self, name: str) -> IO[bytes]:
        try:
            found = self._archive.extractfile(name) if name in self._names else None
        except (KeyError, *UNREADABLE):
            found = None
        if found is None:
            raise ImageRefused(f"its archive has no {name[:200]}")
        return found

    def _document(self, name: str) -> bytes:
        content = self._open(name).read(DOCUMENT_BYTES_MAX + 1)
        if len(content) > DOCUMENT_BYTES_MAX:
            raise ImageRefused(f"{name[:200]} of its archive is too large")
        return content

    def _docker(self) -> tuple[ImageConfig, list[tuple[str, str]]]:
        listed = read_document(self._document("manifest.json"), "manifest")
        if not isinstance(listed, list) or len(listed) != 1:
            raise ImageRefused("its archive does not hold exactly one image")
        where, layers = (listed[0].get(name) if isinstance(listed[0], dict) else None for name in ("Config", "Layers"))
        if not isinstance(where, str) or not isinstance(layers, list) or len(layers) > LAYERS_MAX:
            raise ImageRefused("its manifest is of a kind that is not known here")
        return read_config(self._document(where)), [(str(layer), "") for layer in layers]

    def _layout(self) -> tuple[ImageConfig, list[tuple[str, str]]]:
        if "index.json" not in self._names:
            raise ImageRefused("its archive has neither manifest.json nor index.json")
        document: Any = read_document(self._document("index.json"), "index")
        listed = document.get("manifests") if isinstance(document, dict) else None
        if isinstance(listed, list) and len(listed) > 1 and not all("platform" in each for each in listed):
            raise ImageRefused("its archive does not hold exactly one image")
        for _ in range(_INDEXES_DEEP_MAX):
            if not is_index(document):
                break
            chosen = choose(document)
            document = read_document(self._document(_blob(chosen)), "manifest", chosen.digest)
        manifest = read_manifest(document)
        config = read_config(self._document(_blob(manifest.config)), manifest.config.digest)
        return config, [(_blob(layer), layer.digest) for layer in manifest.layers]


def _blob(descriptor: Descriptor) -> str:
    return "blobs/" + descriptor.digest.replace(":", "/")
