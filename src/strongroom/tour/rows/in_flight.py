"""M1: TLS as it should be, an authority that clients have to be told of, and a policy that sees the socket."""

import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from strongroom.tour.callers import Way
from strongroom.tour.command_line import File
from strongroom.tour.visit import NO_ERROR, Visit, statements

BUCKET = "in-flight"
_SECONDS_MAX = 10
CLOSED = "closed by the server"
_REFUSED = (CLOSED, "TLSV1_ALERT_PROTOCOL_VERSION")
_OLD_CIPHERS = "ALL:@SECLEVEL=0"


def show(visit: Visit) -> None:
    """Show which TLS is spoken, who vouches for the server, and that only the socket says whether it was used."""
    url = urllib.parse.urlsplit(visit.served.https)
    address = (str(url.hostname), int(url.port or 443))
    ca_bundle = str(visit.served.ca_bundle)
    visit.say("The server has made an authority of its own. TLS 1.2 and 1.3 are spoken, and nothing older:")
    place = f"{address[0]}:{address[1]}"
    for flag, version in (("tls1_1", ssl.TLSVersion.TLSv1_1), ("tls1_2", ssl.TLSVersion.TLSv1_2)):
        cipher = f" -cipher '{_OLD_CIPHERS}'" if flag == "tls1_1" else ""
        spoken = _handshake(address, ca_bundle, version)
        visit.note(f"openssl s_client -connect {place} -CAfile {ca_bundle} -{flag}{cipher} < /dev/null", spoken)
        if flag == "tls1_1":
            # Not NO_PROTOCOLS_AVAILABLE, which would be this client's own refusal.
            visit.prove_that(
                "the server refuses TLS 1.1", spoken in _REFUSED, expected=" or ".join(_REFUSED), seen=spoken
            )
        else:
            visit.prove_that("it speaks TLS 1.2", spoken.startswith("TLSv1.2 "), expected="TLSv1.2", seen=spoken)
    newest = _handshake(address, ca_bundle, ssl.TLSVersion.TLSv1_3)
    visit.prove_that("and TLS 1.3", newest.startswith("TLSv1.3 "), expected="TLSv1.3", seen=newest)

    visit.say("Whoever was not told of the authority does not trust it:")
    health = f"{visit.served.https}/_strongroom/health"
    seen = _trust(health, None)
    visit.note(f"curl {health}", seen, is_refused=seen != "200")
    visit.prove("an unknown authority is not trusted", expected="CERTIFICATE_VERIFY_FAILED", seen=seen)
    seen = _trust(health, ca_bundle)
    visit.note(f"curl --cacert {ca_bundle} {health}", seen)
    visit.prove("with its certificate it is", expected="200", seen=seen)
    _secure_transport(visit, ca_bundle)


def _secure_transport(visit: Visit, ca_bundle: str) -> None:
    visit.say(
        "Policies see the socket: aws:SecureTransport and s3:TlsVersion are what the connection is, whatever a "
        "header says."
    )
    everything = {
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
    }
    policy = statements(
        {"Effect": "Deny", **everything, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Effect": "Deny", **everything, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.3"}}},
    )
    visit.aws("s3", "CreateBucket", Bucket=BUCKET, query="Location")
    note = File("note.txt", visit.canary.secret("note").encode())
    visit.aws("s3", "PutObject", Bucket=BUCKET, Key="note.txt", Body=note, query="ServerSideEncryption")
    visit.aws("s3", "PutBucketPolicy", Bucket=BUCKET, Policy=File.of_json("in-flight.json", policy))
    seen = visit.error_of("s3", "HeadBucket", Bucket=BUCKET, way=Way(is_plain_http=True))
    visit.prove("plain HTTP is refused", expected="403", seen=seen)
    seen = visit.error_of("s3", "HeadBucket", Bucket=BUCKET)
    visit.prove("HTTPS is let in", expected=NO_ERROR, seen=seen)

    asked = {"Bucket": BUCKET, "Key": "note.txt"}
    url = visit.clients.client("s3", Way(is_plain_http=True)).generate_presigned_url("get_object", Params=asked)
    seen = _status(url, headers={"X-Forwarded-Proto": "https"})
    visit.note(f"curl -H 'X-Forwarded-Proto: https' '{_short(url)}'", seen, is_refused=True)
    visit.prove("a header that claims HTTPS changes nothing", expected="403 AccessDenied", seen=seen)

    url = visit.clients.client("s3").generate_presigned_url("get_object", Params=asked)
    for version, expected in ((ssl.TLSVersion.TLSv1_2, "403 AccessDenied"), (ssl.TLSVersion.TLSv1_3, "200")):
        name = version.name.replace("TLSv1_", "1.")
        seen = _status(url, context=_context(ca_bundle, version))
        flag = "--tls-max 1.2" if name == "1.2" else "--tlsv1.3"
        visit.note(f"curl {flag} --cacert {ca_bundle} '{_short(url)}'", seen, is_refused=seen != "200")
        visit.prove(f"s3:TlsVersion is {name} over TLS {name}", expected=expected, seen=seen)


def _short(url: str) -> str:
    return f"{url.partition('&')[0]}&..."


def _context(ca_bundle: str | None, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_bundle)
    if version is not None:
        context.set_ciphers(_OLD_CIPHERS)
        context.minimum_version = ssl.TLSVersion.TLSv1 if version < ssl.TLSVersion.TLSv1_2 else ssl.TLSVersion.TLSv1_2
        context.maximum_version = version
    return context


def _handshake(address: tuple[str, int], ca_bundle: str, version: ssl.TLSVersion) -> str:
    """Return the version and cipher that were agreed on, or the name of the error."""
    context = _context(ca_bundle, version)
    try:
        with (
            socket.create_connection(address, timeout=_SECONDS_MAX) as plain,
            context.wrap_socket(plain, server_hostname=address[0]) as secure,
        ):
            cipher = secure.cipher()
            return f"{secure.version()} {cipher[0] if cipher else ''}"
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError):
        # Each version of Python has its own word for it.
        return CLOSED
    except ssl.SSLError as error:
        return str(error.reason)


def _trust(url: str, ca_bundle: str | None) -> str:
    """Return the status, or the reason of TLS not to go on; without the bundle, only the system's authorities count."""
    return _status(url, context=_context(ca_bundle))


def _status(url: str, *, headers: dict[str, str] | None = None, context: ssl.SSLContext | None = None) -> str:
    request = urllib.request.Request(url, headers=headers or {})  # noqa: S310 (the tour's own server)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=_SECONDS_MAX) as answer:
            return str(answer.status)
    except urllib.error.HTTPError as error:
        return f"{error.code} {_error_code(error)}".strip()
    except urllib.error.URLError as error:
        reason: Any = error.reason
        return str(getattr(reason, "reason", reason))


def _error_code(error: urllib.error.HTTPError) -> str:
    return error.read().decode(errors="replace").partition("<Code>")[2].partition("</Code>")[0]
