"""A client without manners: signs what it is told to, sends bytes as they are, and reads what comes back."""

import http.client
import json
import re
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.parse import urlencode, urlsplit
from xml.sax.saxutils import unescape

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.running_server import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, RunningServer

ROOT = Credentials(ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY)
JSON = "application/x-amz-json-1.1"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
SECONDS_MAX = 30.0
QUERY_VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15", "rds": "2014-10-31"}


class Answer(NamedTuple):
    """One answer. `headers` have lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The error code that the body tells, in JSON or XML, or an empty string."""
        if self.status == 200:
            return ""
        if "x-amzn-errortype" in self.headers:
            return self.headers["x-amzn-errortype"]
        if self.headers.get("content-type", "").startswith("application/x-amz-json"):
            told: str = self.json.get("__type", "").rpartition("#")[2]
            return told
        found = re.search(rb"<Code>([^<]*)</Code>", self.body)
        return found[1].decode() if found else ""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def xml(self, name: str) -> str:
        """The text of the first element of this name in an XML body. Raises KeyError when there is none."""
        found = re.search(rf"<{name}>([^<]*)</{name}>".encode(), self.body)
        if found is None:
            raise KeyError(name)
        return unescape(found[1].decode())


def signed_headers(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    method: str = "POST",
    service: str = "kms",
    region: str = "us-east-1",
    credentials: Credentials = ROOT,
    at: datetime | None = None,
) -> dict[str, str]:
    """Return the headers of a request as botocore signs them, at the moment `at` or now."""
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
    signer = botocore.auth.SigV4Auth(credentials, service, region)
    if at is None:
        signer.add_auth(request)
    else:
        moment = at.astimezone(UTC).replace(tzinfo=None)
        with patch.object(botocore.auth, "get_current_datetime", return_value=moment):
            signer.add_auth(request)
    return {"Host": urlsplit(url).netloc, **dict(request.headers.items()), "Content-Length": str(len(body))}


def form(pairs: Sequence[tuple[str, str]]) -> bytes:
    """Return a form. What UTF-8 cannot say, such as half a surrogate, goes as the bytes that it would have."""
    return urlencode(pairs, encoding="utf-8", errors="surrogatepass").encode()


def kms_headers(url: str, operation: str, body: bytes, **options: Any) -> dict[str, str]:
    """Return the headers of a signed KMS request."""
    return signed_headers(url, body, {"Content-Type": JSON, "X-Amz-Target": f"TrentService.{operation}"}, **options)


def head_of(headers: Mapping[str, str], method: str = "POST", target: str = "/") -> bytes:
    """Return a request head as it goes over the wire."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("utf-8")


def kms_request(url: str, operation: str, body: bytes, **options: Any) -> bytes:
    """Return a whole signed KMS request as it goes over the wire."""
    return head_of(kms_headers(url, operation, body, **options)) + body


def connect(server: RunningServer, *, secure: bool) -> socket.socket:
    """Return a connection to the server's HTTPS port with TLS on it, or to its HTTP port."""
    where = urlsplit(server.https if secure else server.http)
    assert where.hostname is not None
    connection = socket.create_connection((where.hostname, where.port or 0), timeout=SECONDS_MAX)
    if secure:
        context = ssl.create_default_context(cafile=str(server.ca_bundle))
        return context.wrap_socket(connection, server_hostname=where.hostname)
    return connection


def read_answer(connection: socket.socket, method: str = "POST") -> Answer | None:
    """Return the next answer on a connection, or None when it was closed instead."""
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, ConnectionError, ssl.SSLError):
        return None
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


def exchange(server: RunningServer, sent: bytes, *, secure: bool = False, finish: bool = False) -> Answer | None:
    """Send bytes on a connection of their own and return the answer, or None when the server closed it instead.

    `finish` says that nothing more will be sent (the sending half of the connection is closed).
    """
    with connect(server, secure=secure) as connection:
        try:
            connection.sendall(sent)
            if finish:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            # It was closed while we still sent; what it said before that may yet be read.
            pass
        return read_answer(connection, sent.partition(b" ")[0].decode("latin-1"))


class PlainClient:
    """A kept-alive connection on which signed KMS requests are sent one after the other, without a word of checking."""

    def __init__(self, server: RunningServer, *, secure: bool = False) -> None:
        self.url = server.https if secure else server.http
        where = urlsplit(self.url)
        assert where.hostname is not None
        if secure:
            context = ssl.create_default_context(cafile=str(server.ca_bundle))
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                where.hostname, where.port, timeout=SECONDS_MAX, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(where.hostname, where.port, timeout=SECONDS_MAX)

    def send(self, headers: Mapping[str, str], body: bytes, target: str = "/", method: str = "POST") -> Answer:
        """Send a request and return the answer. Raises OSError or HTTPException when there is none."""
        self._connection.request(method, target, body, dict(headers))
        response = self._connection.getresponse()
        content = response.read()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)

    def kms(self, operation: str, body: bytes | Mapping[str, Any], *, region: str = "us-east-1") -> Answer:
        """Send a KMS request."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send(kms_headers(self.url, operation, content, region=region), content)

    def query(
        self,
        service: str,
        operation: str,
        params: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        *,
        credentials: Credentials = ROOT,
    ) -> Answer:
        """Send a request of the query protocol; `params` are the names and values of its form."""
        given = params.items() if isinstance(params, Mapping) else params
        content = form([("Action", operation), ("Version", QUERY_VERSIONS[service]), *given])
        return self.form(service, content, credentials=credentials)

    def form(self, service: str, content: bytes, *, credentials: Credentials = ROOT) -> Answer:
        """Send a form, whatever is in it, signed for a service."""
        headers = signed_headers(self.url, content, {"Content-Type": FORM}, service=service, credentials=credentials)
        return self.send(headers, content)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def health(server: RunningServer) -> Answer | None:
    """Return the answer of the health check."""
    head = b"GET /_strongroom/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    return exchange(server, head)


def assert_unharmed(server: RunningServer, *, seconds_max: float = 5.0) -> None:
    """Assert that a server goes on serving, promptly, and that nothing in its log was unforeseen."""
    began = time.monotonic()
    answer = health(server)
    assert answer is not None
    assert answer.status == 200
    assert answer.json["healthy"] is True
    assert time.monotonic() - began < seconds_max
    log = server.log.read_text()
    for word in ("request failed", "answer failed", "Traceback", "exception"):
        assert word not in log, log[-3000:]
