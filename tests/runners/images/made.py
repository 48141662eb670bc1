"""Images made for tests: layers from descriptions of files, and the archives and registries that hold them."""

import contextlib
import gzip
import hashlib
import http.server
import io
import json
import os
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from strongroom.runners.images.manifests import architecture

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


class Entry(tarfile.TarInfo):
    """A member of an archive, with its content."""

    content: bytes = b""


def entry(name: str, content: bytes | str = b"", kind: bytes = tarfile.REGTYPE, **members: Any) -> Entry:
    made = Entry(name)
    data = content.encode() if isinstance(content, str) else content
    made.type, made.mode, made.size = kind, 0o644, len(data) if kind == tarfile.REGTYPE else 0
    made.linkname = ""
    for member, value in members.items():
        setattr(made, member, value)
    made.content = data
    return made


def link(name: str, target: str, *, hard: bool = False) -> Entry:
    return entry(name, kind=tarfile.LNKTYPE if hard else tarfile.SYMTYPE, linkname=target)


def directory(name: str) -> Entry:
    return entry(name, kind=tarfile.DIRTYPE)


def layer(*entries: Entry) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for each in entries:
            archive.addfile(each, io.BytesIO(each.content))
    return made.getvalue()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def config(*layers: bytes, **settings: Any) -> bytes:
    made = {"os": "linux", "architecture": architecture(), "config": settings}
    return json.dumps(made | {"rootfs": {"type": "layers", "diff_ids": [digest(each) for each in layers]}}).encode()


def docker_archive(path: Path, *layers: bytes, settings: bytes | None = None) -> Path:
    """Write what `docker save` writes."""
    described = settings if settings is not None else config(*layers)
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": ["made:1"], "Layers": names}]
    members = [entry("manifest.json", json.dumps(manifest)), entry("config.json", described)]
    path.write_bytes(layer(*members, *(entry(name, each) for name, each in zip(names, layers, strict=True))))
    return path


class Blobs:
    """The parts of an image by their digests, its layers compressed, and a manifest for it."""

    def __init__(self, *layers: bytes, settings: bytes | None = None) -> None:
        self.by_digest: dict[str, bytes] = {}
        packed = [gzip.compress(each, 1, mtime=0) for each in layers]
        described = self._part(settings if settings is not None else config(*layers))
        self.manifest = self._part(
            json.dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": OCI_MANIFEST,
                    "config": described,
                    "layers": [self._part(each) for each in packed],
                }
            ).encode()
        )
        other = {"mediaType": OCI_MANIFEST, "digest": digest(b"other"), "size": 5}
        listed = [
            other | {"platform": {"os": "linux", "architecture": "s390x"}},
            self.manifest | {"mediaType": OCI_MANIFEST, "platform": {"os": "linux", "architecture": architecture()}},
        ]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
        self.index = self._part(json.dumps(index).encode())

    def _part(self, content: bytes) -> dict[str, Any]:
        self.by_digest[digest(content)] = content
        return {"mediaType": "application/octet-stream", "digest": digest(content), "size": len(content)}

    def layout(self, path: Path) -> Path:
        """Write an OCI layout as one archive."""
        members = [entry("oci-layout", '{"imageLayoutVersion": "1.0.0"}')]
        members.append(entry("index.json", self.by_digest[self.index["digest"]]))
        for name, content in self.by_digest.items():
            members.append(entry("blobs/" + name.replace(":", "/"), content))
        path.write_bytes(layer(*members))
        return path


class Registry(http.server.ThreadingHTTPServer):
    """A registry of a few images (by `REPOSITORY:TAG`), which sends to elsewhere for blobs, and wants a token."""

    def __init__(self, images: dict[str, Blobs]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.images = images
        self.asked: list[str] = []
        self.replaced: dict[str, bytes] = {}
        self.realm_scheme = "http"
        self.trickling = ""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Registry

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.server.asked.append(path)
        if path == "/token":
            return self._answer(200, json.dumps({"token": f"for-{query.rpartition('%3A')[2]}"}).encode())
        if path.startswith("/elsewhere/"):
            # What was given for the registry is not for another place.
            assert self.headers["Authorization"] is None
            return self._blob(path.removeprefix("/elsewhere/"))
        if self.headers["Authorization"] != "Bearer for-pull":
            realm = f"{self.server.realm_scheme}://{self.server.host}/token"
            challenge = f'Bearer realm="{realm}",service="made",scope="repository:x:pull"'
            return self._answer(401, b"{}", ("WWW-Authenticate", challenge))
        repository, kind, reference = path.removeprefix("/v2/").rsplit("/", 2)
        if kind == "blobs":
            return self._answer(
                307, b"", ("Location", f"http://localhost:{self.server.server_address[1]}/elsewhere/{reference}")
            )
        if reference.startswith("sha256:"):
            return self._blob(reference)
        found = self.server.images.get(f"{repository}:{reference}")
        return self._answer(404, b"{}") if found is None else self._blob(found.index["digest"])

    def _blob(self, wanted: str) -> None:
        for blobs in self.server.images.values():
            if wanted in blobs.by_digest:
                return self._answer(200, self.server.replaced.get(wanted, blobs.by_digest[wanted]))
        return self._answer(404, b"{}")

    def _answer(self, status: int, content: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.server.trickling and self.server.trickling in self.path:
            with contextlib.suppress(OSError):
                for at in range(len(content)):
                    self.wfile.write(content[at : at + 1])
                    self.wfile.flush()
                    time.sleep(0.1)
            return
        self.wfile.write(content)


@contextmanager
def registry(**images: Blobs) -> Iterator[Registry]:
    """Run a registry; the names' double underscores stand for a colon."""
    with Registry({name.replace("__", ":"): blobs for name, blobs in images.items()}) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        serving.start()
        yield server
        server.shutdown()
        serving.join()


PROGRAMS = ("/bin/dash", "/bin/cat", "/usr/bin/id", "/bin/ls", "/usr/bin/touch", "/bin/mkdir", "/bin/sleep")
USERS = "root:x:0:0::/root:/bin/sh\nann:x:1000:1001::/:/bin/sh\nbob:x:70:70::/:/bin/sh\n"


def small_system() -> list[Entry]:
    """Return the files of a small root file system: this machine's shell and a few programs, as files of an image."""
    files: dict[str, bytes] = {}
    for program in PROGRAMS:
        real = os.path.realpath(program)
        files["bin/" + os.path.basename(program)] = Path(real).read_bytes()
        said = subprocess.run(["ldd", real], capture_output=True, text=True, check=True).stdout
        for word in said.split():
            if word.startswith("/"):
                files[word.lstrip("/")] = Path(word).read_bytes()
    entries = [entry(name, content, mode=0o755) for name, content in files.items()]
    return [*entries, link("bin/sh", "dash"), entry("etc/passwd", USERS), entry("etc/hosts", "of the image\n")]
