"""Images pulled from a registry that the operator allows, anonymously.

A pull follows redirects, as registries send theirs to where blobs are: never from HTTPS to HTTP, and what was given for
one host is not shown to another. Whatever comes is held to the digests that the manifest names.

Source: OCI Distribution Specification, "Pull"; Distribution, "Token Authentication Specification".
"""

import http.client
import json
import re
import ssl
import tempfile
import urllib.parse
from pathlib import Path
from types import TracebackType
from typing import IO, cast

from strongroom.base.image_registries import AllowedRegistry
from strongroom.runners.images.blobs import HashedReader
from strongroom.runners.images.bounds import DOCUMENT_BYTES_MAX, Bounds
from strongroom.runners.images.manifests import (
    INDEXES,
    MANIFESTS,
    Descriptor,
    choose,
    is_index,
    read_config,
    read_document,
    read_manifest,
)
from strongroom.runners.images.names import RegistryImage
from strongroom.runners.images.refusals import ImageRefused

ANSWER_SECONDS_MAX = 30.0
_REDIRECTS_MAX = 5
_REDIRECTED = (301, 302, 303, 307, 308)
_INDEXES_DEEP_MAX = 3
_PIECE_BYTES = 1024 * 1024
_CHALLENGE = re.compile(r'(realm|service|scope)="([^"]*)"')


class PulledImage:
    """One image in a registry; its layers come when they are asked for. Raises ImageRefused."""

    def __init__(self, registry: AllowedRegistry, image: RegistryImage, scratch: Path, bounds: Bounds) -> None:
        """`scratch` is a directory in which blobs are put while they are read."""
        self._base = f"{'http' if registry.is_plain else 'https'}://{registry.host}/v2/{image.repository}"
        self._image = image
        self._scratch = scratch
        self._bounds = bounds
        bounds.keep_room_in(scratch)
        self._token = ""
        document = self._manifest(image.reference, image.digest)
        for _ in range(_INDEXES_DEEP_MAX):
            if not is_index(document):
                break
            chosen = choose(document).digest
            document = self._manifest(chosen, chosen)
        manifest = read_manifest(document)
        with self._blob(manifest.config) as config:
            self.config = read_config(config.read(), manifest.config.digest)
        self.layers = manifest.layers

    def __enter__(self) -> "PulledImage":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def open_layer(self, number: int) -> IO[bytes]:
        """Return a layer as it is stored, fetched whole and with its digest."""
        return self._blob(self.layers[number])

    def _manifest(self, reference: str, digest: str) -> object:
        accepted = ", ".join((*MANIFESTS, *INDEXES))
        connection, answer = self._get(f"{self._base}/manifests/{reference}", accepted)
        return read_document(self._document(connection, answer), "manifest", digest)

    def _document(self, connection: "_Connection", answer: http.client.HTTPResponse) -> bytes:
        """Return an answer that is read whole, which has to come within the time that there is, piece by piece."""
        with connection:
            read = HashedReader(_arriving(answer), DOCUMENT_BYTES_MAX, self._bounds)
            return b"".join(iter(lambda: read.read(_PIECE_BYTES) or b"", b""))

    def _blob(self, descriptor: Descriptor) -> IO[bytes]:
        connection, answer = self._get(f"{self._base}/blobs/{descriptor.digest}", "*/*")
        file: IO[bytes] = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115
        try:
            with connection:
                read = HashedReader(_arriving(answer), descriptor.size, self._bounds)
                while piece := read.read(_PIECE_BYTES):
                    self._bounds.take_room(len(piece))
                    file.write(piece)
            if read.finish() != descriptor.digest:
                raise ImageRefused(f"the registry sent something else for {descriptor.digest}")
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def _get(self, url: str, accepted: str) -> tuple["_Connection", http.client.HTTPResponse]:
        """Return an answer that is 200, with the connection that it is read from."""
        asked = url
        has_token = False
        for _ in range(_REDIRECTS_MAX):
            self._bounds.check()
            headers = {"Accept": accepted}
            if self._token and _place(url) == _place(asked):
                headers["Authorization"] = f"Bearer {self._token}"
            connection, answer = _ask(url, headers)
            if answer.status == 200:
                return connection, answer
            where, challenge = answer.headers.get("Location", ""), answer.headers.get("WWW-Authenticate", "")
            connection.close()
            if answer.status in _REDIRECTED and where:
                url = _followed(url, where)
            elif answer.status == 401 and not has_token and url == asked:
                has_token = True
                self._token = self._fetch_token(challenge)
            elif answer.status in (401, 403, 404):
                raise ImageRefused(
                    f"the registry has no {self._image.repository}:{self._image.reference} for everybody"
                )
            else:
                raise ImageRefused(f"the registry answered with the status {answer.status}")
        raise ImageRefused("the registry sends from one place to another")

    def _fetch_token(self, challenge: str) -> str:
        """Return the token that the registry's authority gives to everybody."""
        said = dict(_CHALLENGE.findall(challenge))
        if not challenge.lower().startswith("bearer ") or "realm" not in said:
            raise ImageRefused("the registry lets nobody in without credentials")
        wanted = {"service": said.get("service", ""), "scope": f"repository:{self._image.repository}:pull"}
        realm = _followed(self._base, said["realm"])
        connection, answer = _ask(f"{realm}?{urllib.parse.urlencode(wanted)}", {"Accept": "application/json"})
        content = self._document(connection, answer) if answer.status == 200 else b"{}"
        connection.close()
        try:
            given = json.loads(content)
        except ValueError:
            given = {}
        token = (given.get("token") or given.get("access_token")) if isinstance(given, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise ImageRefused("the registry lets nobody in without credentials")
        return token


class _Connection:
    """A connection that is closed behind its use."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.close = connection.close

    def __enter__(self) -> "_Connection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if isinstance(error, http.client.HTTPException | OSError):
            raise ImageRefused(f"the connection to the registry failed: {type(error).__name__}") from None


class _Arriving:
    """An answer of which is read what has come: so that whoever sends little at a time is looked at every time."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.read = answer.read1


def _arriving(answer: http.client.HTTPResponse) -> IO[bytes]:
    return cast(IO[bytes], _Arriving(answer))


def _place(url: str) -> tuple[str, str]:
    return urllib.parse.urlsplit(url)[:2]


def _followed(url: str, where: str) -> str:
    """Return where a registry leads to. Raises ImageRefused for a way out of TLS, or to what is no HTTP."""
    target = urllib.parse.urljoin(url, where)
    allowed = ("https",) if url.startswith("https:") else ("http", "https")
    if urllib.parse.urlsplit(target).scheme not in allowed:
        raise ImageRefused("the registry leads to where it is not safe to follow")
    return target


def _ask(url: str, headers: dict[str, str]) -> tuple[_Connection, http.client.HTTPResponse]:
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port
        made: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            made = http.client.HTTPSConnection(host, port, timeout=ANSWER_SECONDS_MAX, context=context)
        else:
            made = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS_MAX)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            made.request("GET", target, headers={"User-Agent": "Strongroom", **headers})
            return _Connection(made), made.getresponse()
        except BaseException:
            made.close()
            raise
    except ssl.SSLCertVerificationError as error:
        raise ImageRefused(f"the registry's certificate is not trusted: {error.verify_message}") from None
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise ImageRefused(f"the registry cannot be reached: {type(error).__name__}") from None
