"""Requests that are no requests: each gets AWS's error or a closed connection, and the server goes on."""

import json
import re
import socket
import threading
import time
from typing import Any

import pytest
from tests.faults.plain_client import (
    FORM,
    JSON,
    connect,
    exchange,
    head_of,
    kms_headers,
    kms_request,
    read_answer,
    signed_headers,
)
from tests.running_server import RunningServer, running_server

MEBIBYTE = 1024 * 1024
BOTH_PORTS = pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])


def url_of(server: RunningServer, secure: bool) -> str:
    return server.https if secure else server.http


def refused(server: RunningServer, sent: bytes, *, secure: bool, finish: bool = False) -> tuple[int, str] | None:
    """Send bytes. Return status and code of the refusal, None for a closed connection; anything else is a failure."""
    answer = exchange(server, sent, secure=secure, finish=finish)
    if answer is None:
        return None
    assert 400 <= answer.status < 500, answer
    assert b"Traceback" not in answer.body
    assert b'File "' not in answer.body
    return answer.status, answer.code


BODIES = {
    "nothing": b"",
    "not JSON": b"KeyId=alias/x",
    "half a body": b'{"KeyId": "alias/x"',
    "two bodies": b"{}{}",
    "a bare word": b"NaN",
    "not UTF-8": b'{"KeyId": "\xff\xfe"}',
    "UTF-16": '{"KeyId": "alias/x"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a NUL": b'{"KeyId": "alias/\x00"}',
    "half a surrogate": b'{"KeyId": "\\ud800"}',
    "single quotes": b"{'KeyId': 'alias/x'}",
    "a comment": b"{} // nothing more",
    "NaN": b'{"KeyId": NaN}',
    "a deep list": b"[" * 200_000 + b"]" * 200_000,
    "a deep object": b'{"KeyId":' * 100_000 + b"1" + b"}" * 100_000,
    "a deep member": b'{"EncryptionContext":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001,
    "a deep unknown member": b'{"Unknown":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a long number": b'{"KeyId": ' + b"9" * 500_000 + b"}",
    "a large exponent": b'{"KeyId": 1e999999999}',
}


# Most requests are decoded and validated in one pass; one with a time in it is not.
@BOTH_PORTS
@pytest.mark.parametrize("operation", ["DescribeKey", "ImportKeyMaterial"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_is_not_json(unharmed: RunningServer, operation: str, body: bytes, secure: bool) -> None:
    sent = kms_request(url_of(unharmed, secure), operation, body)
    assert refused(unharmed, sent, secure=secure) == (400, "SerializationException")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Type": JSON, "X-Amz-Target": "TrentService.NoSuchOperation"}, "UnknownOperationException"),
        ({"Content-Type": JSON, "X-Amz-Target": "NoSuchService.ListKeys"}, "UnknownOperationException"),
        ({"Content-Type": JSON, "X-Amz-Target": ""}, "UnknownOperationException"),
        ({"Content-Type": JSON, "X-Amz-Target": "TrentService"}, "UnknownOperationException"),
        ({"Content-Type": JSON, "X-Amz-Target": "TrentService.ListKeys.ListKeys"}, "UnknownOperationException"),
        ({"Content-Type": JSON, "X-Amz-Target": "TrentService.__init__"}, "UnknownOperationException"),
        ({"Content-Type": JSON, "X-Amz-Target": "x" * 10_000}, "UnknownOperationException"),
        ({"Content-Type": JSON}, "UnknownOperationException"),
        ({"X-Amz-Target": "TrentService.ListKeys"}, "UnknownOperationException"),
        ({"Content-Type": "", "X-Amz-Target": "TrentService.ListKeys"}, "UnknownOperationException"),
        ({"Content-Type": "text/html", "X-Amz-Target": "TrentService.ListKeys"}, "UnknownOperationException"),
        ({"Content-Type": FORM, "X-Amz-Target": "TrentService.ListKeys"}, "UnknownOperationException"),
        ({"Content-Type": "application/cbor", "X-Amz-Target": "TrentService.ListKeys"}, "UnknownOperationException"),
        ({"Content-Type": FORM}, "MissingAction"),
    ],
)
def test_headers_that_name_no_operation(unharmed: RunningServer, headers: dict[str, str], code: str) -> None:
    signed = signed_headers(unharmed.http, b"{}", headers)
    found = refused(unharmed, head_of(signed) + b"{}", secure=False)
    assert found in ((400, code), (404, code))


def test_another_version_of_json_is_understood(unharmed: RunningServer) -> None:
    headers = {"Content-Type": "application/x-amz-json-1.0; charset=utf-8", "X-Amz-Target": "TrentService.ListKeys"}
    signed = signed_headers(unharmed.http, b"{}", headers)
    answer = exchange(unharmed, head_of(signed) + b"{}")
    assert answer is not None
    assert (answer.status, answer.headers["content-type"]) == (200, "application/x-amz-json-1.0")


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"Authorization": None}, {"MissingAuthenticationTokenException"}),
        ({"Authorization": ""}, {"MissingAuthenticationTokenException"}),
        ({"Authorization": "Basic YTpi"}, {"MissingAuthenticationTokenException"}),
        ({"Authorization": "AWS4-HMAC-SHA256"}, {"IncompleteSignatureException"}),
        ({"Authorization": "AWS4-HMAC-SHA256 " + "," * 5_000}, {"IncompleteSignatureException"}),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=;, Signature=\x7f"}, None),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=////, SignedHeaders=host, Signature=0"}, None),
        ({"X-Amz-Date": None}, {"IncompleteSignatureException"}),
        ({"X-Amz-Date": ""}, {"IncompleteSignatureException"}),
        ({"X-Amz-Date": "yesterday"}, {"IncompleteSignatureException"}),
        ({"X-Amz-Date": "99999999T999999Z"}, {"IncompleteSignatureException"}),
        ({"X-Amz-Date": "20260231T000000Z"}, {"IncompleteSignatureException"}),
        ({"X-Amz-Date": "00010101T000000Z"}, {"IncompleteSignatureException", "InvalidSignatureException"}),
        ({"X-Amz-Date": "٢٠٢٦١١٢٤T000000Z"}, {"IncompleteSignatureException"}),
        ({"X-Amz-Date": None, "Date": "Thu, 99 Foo 2026 25:61:61 GMT"}, {"IncompleteSignatureException"}),
        ({"X-Amz-Security-Token": "none"}, {"UnrecognizedClientException", "InvalidSignatureException"}),
        ({"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, {"InvalidSignatureException"}),
        ({"Host": "elsewhere.example"}, {"InvalidSignatureException"}),
        ({"Host": None}, {"InvalidSignatureException", ""}),
    ],
)
def test_odd_headers(unharmed: RunningServer, changes: dict[str, str | None], codes: set[str] | None) -> None:
    headers: dict[str, Any] = kms_headers(unharmed.http, "ListKeys", b"{}") | changes
    sent = head_of({name: value for name, value in headers.items() if value is not None}) + b"{}"
    found = refused(unharmed, sent, secure=False)
    if codes is not None:
        assert found is not None
        assert found[1] in codes


def test_two_authorization_headers(unharmed: RunningServer) -> None:
    head = head_of(kms_headers(unharmed.http, "ListKeys", b"{}"))
    line = next(line for line in head.split(b"\r\n") if line.startswith(b"Authorization"))
    found = refused(unharmed, head.replace(line, line + b"\r\n" + line) + b"{}", secure=False)
    assert found in ((400, "IncompleteSignatureException"), (400, "InvalidSignatureException"))


NEVER_SIGNED = ("User-Agent", "X-Forwarded-For")


@BOTH_PORTS
@pytest.mark.parametrize("name", [*NEVER_SIGNED, "X-Amz-Target", "Host", "X-Amz-Date", "Content-Type"])
def test_header_bytes_that_are_no_text(unharmed: RunningServer, name: str, secure: bool) -> None:
    headers = kms_headers(url_of(unharmed, secure), "ListKeys", b"{}") | {name: "@@"}
    sent = head_of(headers).replace(b"@@", bytes(range(0x80, 0x100))) + b"{}"
    answer = exchange(unharmed, sent, secure=secure)
    if name in NEVER_SIGNED:
        assert answer is not None
        assert answer.status == 200
    else:
        assert answer is None or 400 <= answer.status < 500


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
HEADS = {
    "no HTTP at all": b"\x00\x01\x02\x03" * 100,
    "only line ends": b"\r\n" * 50_000 + b"\x00\r\n",
    "a lone line": b"hello\r\n\r\n",
    "no version": b"POST /\r\n\r\n",
    "HTTP/2.0 in words": b"POST / HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/9.9": b"POST / HTTP/9.9\r\nHost: x\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "a method of its own": b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method in lower case": b"post / HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT": b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "OPTIONS *": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    "a NUL in a header": b"GET / HTTP/1.1\r\nHost: x\x00y\r\n\r\n",
    "a lone CR in a header": b"GET / HTTP/1.1\r\nHost: x\ry: z\r\n\r\n",
    "a long target": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long query": b"GET /?Action=" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "many parameters": b"GET /?" + b"a&" * 7_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "broken percent signs": b"GET /%%%zz%0?X-Amz-Signature=%&X-Amz-Algorithm=%f HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes in the target": b"GET /\xff\xfe?\xff=\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "a target of another server": b"GET http://example.com/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a huge header": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * MEBIBYTE + b"\r\n\r\n",
    "a huge header name": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a" * MEBIBYTE + b": x\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 1_000 + b"\r\n",
    "many long headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + (b"A: " + b"b" * 1_000 + b"\r\n") * 150 + b"\r\n",
    "a negative length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}",
    "a length in words": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\n{}",
    "an endless length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 400 + b"\r\n\r\n{}",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "length and chunks": CHUNKED.replace(b"Host: x", b"Content-Length: 2") + b"0\r\n\r\n",
    "an unknown coding": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n{}",
    "chunked, then more": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "a chunk of no size": CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
    "a chunk of a negative size": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "a chunk of endless size": CHUNKED + b"f" * 40 + b"\r\n{}\r\n",
    "a chunk that is longer than its size": CHUNKED + b"1\r\n{}}}}}\r\n0\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "an upgrade to HTTP/2": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    "an unknown expectation": b"POST / HTTP/1.1\r\nHost: x\r\nExpect: the-inquisition\r\nContent-Length: 2\r\n\r\n{}",
}


@BOTH_PORTS
@pytest.mark.parametrize("sent", HEADS.values(), ids=HEADS.keys())
def test_what_is_hardly_http(unharmed: RunningServer, sent: bytes, secure: bool) -> None:
    # Nobody signed it, so whatever it may mean, it must not be served; that it is refused at all is the point.
    refused(unharmed, sent, secure=secure, finish=not secure)


def test_http_1_0_is_served_and_closed(unharmed: RunningServer) -> None:
    sent = kms_request(unharmed.http, "ListKeys", b"{}").replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    with connect(unharmed, secure=False) as connection:
        connection.sendall(sent)
        answer = read_answer(connection)
        assert answer is not None
        assert answer.status == 200
        assert connection.recv(1) == b""


def test_a_chunked_body_is_served(unharmed: RunningServer) -> None:
    headers = kms_headers(unharmed.http, "ListKeys", b'{"Limit": 1}')
    del headers["Content-Length"]
    chunks = b'6\r\n{"Limi\r\n6;a=b\r\nt": 1}\r\n0\r\nTrailer: x\r\n\r\n'
    answer = exchange(unharmed, head_of(headers | {"Transfer-Encoding": "chunked"}) + chunks)
    assert answer is not None
    assert answer.status == 200


def test_each_of_several_requests_in_one_packet_is_answered_in_order(unharmed: RunningServer) -> None:
    good = kms_request(unharmed.http, "ListKeys", b"{}")
    bad = kms_request(unharmed.http, "ListKeys", b"[]")
    last = good.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    with connect(unharmed, secure=False) as connection:
        connection.sendall(good + bad + last)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert re.findall(rb"HTTP/1\.1 (\d+)", received) == [b"200", b"400", b"200"]


def test_a_hidden_request_is_not_served(unharmed: RunningServer) -> None:
    """With both a length and chunks, a proxy in front might see one request where we see two: refuse them all."""
    hidden = kms_request(unharmed.http, "ListKeys", b"{}")
    head = head_of(kms_headers(unharmed.http, "ListKeys", b"{}") | {"Transfer-Encoding": "chunked"})
    with connect(unharmed, secure=False) as connection:
        connection.sendall(head + b"2\r\n{}\r\n0\r\n\r\n" + hidden)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert re.findall(rb"HTTP/1\.1 (\d+)", received) == [b"400"]


@BOTH_PORTS
def test_a_body_that_ends_early(unharmed: RunningServer, secure: bool) -> None:
    headers = kms_headers(url_of(unharmed, secure), "CreateKey", b"{}") | {"Content-Length": "100"}
    with connect(unharmed, secure=secure) as connection:
        connection.sendall(head_of(headers) + b"{}")
    # Nobody is left to be answered. A chunked one whose sender only stops sending still listens.
    chunked = head_of({name: value for name, value in headers.items() if name != "Content-Length"}).removesuffix(
        b"\r\n"
    )
    sent = chunked + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"
    if not secure:
        assert refused(unharmed, sent, secure=False, finish=True) in (None, (408, "RequestTimeout"))


@BOTH_PORTS
@pytest.mark.parametrize("operation", ["Encrypt", "CreateKey", "PutKeyPolicy"])
def test_ten_megabytes(unharmed: RunningServer, operation: str, secure: bool) -> None:
    body = json.dumps({"KeyId": "alias/x", "Plaintext": "A" * 10 * MEBIBYTE}).encode()
    sent = kms_request(url_of(unharmed, secure), operation, body)
    assert refused(unharmed, sent, secure=secure) == (413, "RequestEntityTooLargeException")


def test_ten_megabytes_in_chunks(unharmed: RunningServer) -> None:
    headers = kms_headers(unharmed.http, "Encrypt", b"{}")
    del headers["Content-Length"]
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    sent = head_of(headers | {"Transfer-Encoding": "chunked"}) + chunk * 160 + b"0\r\n\r\n"
    assert refused(unharmed, sent, secure=False) == (413, "RequestEntityTooLargeException")


def test_a_large_body_is_not_waited_for_when_the_client_asks_first(unharmed: RunningServer) -> None:
    headers = kms_headers(unharmed.http, "Encrypt", b"{}")
    headers |= {"Content-Length": str(10 * MEBIBYTE), "Expect": "100-continue"}
    assert refused(unharmed, head_of(headers), secure=False) == (413, "RequestEntityTooLargeException")


TLS_GARBAGE = {
    "plain HTTP": b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
    "nothing but zeros": bytes(4_096),
    "a record of no kind": b"\xff" * 4_096,
    "a hello that lies about its length": b"\x16\x03\x01\xff\xff\x01\x00\xff\xff\x03\x03" + bytes(500),
    "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(40),
    "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "an application record first": b"\x17\x03\x03\x00\x10" + bytes(16),
}


@pytest.mark.parametrize("sent", TLS_GARBAGE.values(), ids=TLS_GARBAGE.keys())
def test_garbage_on_the_https_port(unharmed: RunningServer, sent: bytes) -> None:
    port = int(unharmed.https.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while chunk := connection.recv(4_096):
                received += chunk
        except ConnectionResetError:
            pass
    # At most a TLS alert, and never an answer in clear.
    assert len(received) < 64
    assert b"HTTP" not in received


def test_a_client_hello_on_the_http_port(unharmed: RunningServer) -> None:
    assert refused(unharmed, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), secure=False) in (
        None,
        (400, ""),
    )


@BOTH_PORTS
def test_a_crowd_within_the_limit(unharmed: RunningServer, secure: bool) -> None:
    """Hundreds of connections that say nothing, or half a thing, do not keep others from being served."""
    idle = []
    began = time.monotonic()
    try:
        for number in range(150 if secure else 400):
            connection = connect(unharmed, secure=secure)
            idle.append(connection)
            if number % 2:
                connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n")
        answer = exchange(unharmed, kms_request(url_of(unharmed, secure), "ListKeys", b"{}"), secure=secure)
        assert answer is not None
        assert answer.status == 200
        # A connection that finds the queue of the listening socket full is tried again after a whole second.
        assert time.monotonic() - began < (10 if secure else 2)
    finally:
        for connection in idle:
            connection.close()


def test_connections_that_come_and_go(unharmed: RunningServer) -> None:
    def come_and_go() -> None:
        for number in range(150):
            with connect(unharmed, secure=False) as connection:
                connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"[: number % 50])

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answer = exchange(unharmed, kms_request(unharmed.http, "ListKeys", b"{}"))
    assert answer is not None
    assert answer.status == 200


def test_a_crowd_beyond_the_limit_is_turned_away_and_the_rest_served(tmp_path: Any) -> None:
    with running_server(tmp_path, options=("--connections-max", "10")) as small:
        idle = [connect(small, secure=False) for _ in range(10)]
        turned_away = exchange(small, kms_request(small.http, "ListKeys", b"{}"))
        assert turned_away is None or turned_away.status == 503
        idle[0].sendall(kms_request(small.http, "ListKeys", b"{}"))
        answer = read_answer(idle[0])
        assert answer is not None
        assert answer.status == 200
        for connection in idle:
            connection.close()
        deadline = time.monotonic() + 5
        while (last := exchange(small, kms_request(small.http, "ListKeys", b"{}"))) is None or last.status != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_slow_senders_are_cut_off_and_hold_nobody_up(unharmed: RunningServer) -> None:
    """Half a head and half a handshake, each sent a byte at a time: neither may last."""
    head = head_of(kms_headers(unharmed.http, "ListKeys", b"{}"))
    began = time.monotonic()
    lasted: dict[str, float] = {}

    def send_slowly(name: str, port_url: str, at_once: bytes, slowly: bytes) -> None:
        port = int(port_url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(at_once)
            for number in range(60):
                try:
                    connection.sendall(slowly[number : number + 1])
                    if not connection.recv(4_096):
                        break
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
        lasted[name] = time.monotonic() - began

    slow = [
        threading.Thread(target=send_slowly, args=arguments)
        for arguments in (
            ("head", unharmed.http, head[:20], head[20:]),
            ("handshake", unharmed.https, b"\x16\x03\x01\x02\x00\x01", bytes(100)),
        )
    ]
    for thread in slow:
        thread.start()
    while any(thread.is_alive() for thread in slow):
        asked = time.monotonic()
        answer = exchange(unharmed, kms_request(unharmed.http, "ListKeys", b"{}"))
        assert answer is not None
        assert answer.status == 200
        assert time.monotonic() - asked < 2
        time.sleep(0.5)
    assert lasted.keys() == {"head", "handshake"}
    assert max(lasted.values()) < 20, lasted
