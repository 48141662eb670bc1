"""A real server process: what it says, what it answers of its own, and how it ends."""

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
from tests.running_server import RunningServer, running_server


def port(url: str) -> int:
    number = urlsplit(url).port
    assert number is not None
    return number


def get(server: RunningServer, path: str, *, secure: bool = True, **options: Any) -> urllib3.BaseHTTPResponse:
    with urllib3.PoolManager(ca_certs=str(server.ca_bundle), retries=False, timeout=10) as pool:
        return pool.request("GET", (server.https if secure else server.http) + path, **options)


def start_refused(home: Path, *options: str) -> str:
    """Start a server that must not start, and return its one line of complaint."""
    done = subprocess.run(
        [sys.executable, "-m", "strongroom.cli", "serve", "--data", str(home / "data"), *options],
        capture_output=True,
        text=True,
        env=os.environ | {"XDG_CONFIG_HOME": str(home / "config")},
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("secure", [True, False])
def test_health_needs_no_signature(server: RunningServer, secure: bool) -> None:
    answer = get(server, "/_strongroom/health", secure=secure)
    health = json.loads(answer.data)
    assert answer.status == 200
    assert (health["healthy"], health["sealed"]) == (True, False)
    assert health["database"] == {"kind": "sqlite", "healthy": True}
    assert health["version"]


def test_metrics_count_what_was_asked(server: RunningServer, kms: Any) -> None:
    kms.list_keys()
    text = get(server, "/_strongroom/metrics").data.decode()
    assert 'strongroom_request_duration_seconds_count{code="",operation="ListKeys",service="kms"}' in text
    assert "strongroom_connections" in text
    assert "process_cpu_seconds_total" in text


def test_metrics_are_not_for_those_who_come_through_a_proxy(server: RunningServer) -> None:
    assert get(server, "/_strongroom/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status == 403


def test_nothing_else_is_below_the_reserved_path(server: RunningServer) -> None:
    assert get(server, "/_strongroom/").status == 404
    with urllib3.PoolManager(ca_certs=str(server.ca_bundle), retries=False) as pool:
        assert pool.request("POST", server.https + "/_strongroom/health").status == 405


def test_tls_is_verified_by_the_published_authority(server: RunningServer) -> None:
    context = ssl.create_default_context(cafile=str(server.ca_bundle))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    for name in ("127.0.0.1", "localhost", "::1"):
        with (
            socket.create_connection(("127.0.0.1", port(server.https)), 10) as raw,
            context.wrap_socket(raw, server_hostname=name) as line,
        ):
            assert line.version() == "TLSv1.3"
    with (
        socket.create_connection(("127.0.0.1", port(server.https)), 10) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(raw, server_hostname="example.com")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize(
    ("version", "ciphers", "accepted"),
    [
        (ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM", True),
        (ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA", False),
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0", False),
    ],
)
def test_old_tls_is_refused(server: RunningServer, version: ssl.TLSVersion, ciphers: str, accepted: bool) -> None:
    context = ssl.create_default_context(cafile=str(server.ca_bundle))
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    context.set_ciphers(ciphers)
    with socket.create_connection(("127.0.0.1", port(server.https)), 10) as raw:
        try:
            with context.wrap_socket(raw, server_hostname="localhost") as line:
                assert accepted, line.cipher()
        except (ssl.SSLError, ConnectionResetError):
            assert not accepted


def test_a_head_over_the_limit_is_refused_and_the_server_goes_on(server: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", port(server.http)), 10) as line:
        line.sendall(b"GET / HTTP/1.1\r\n" + b"a: " + b"b" * 70_000 + b"\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 431 ")
    assert get(server, "/_strongroom/health").status == 200


def test_what_is_not_tls_on_the_tls_port_is_closed(server: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", port(server.https)), 10) as line:
        line.sendall(b"GET / HTTP/1.1\r\n\r\n")
        try:
            assert not line.recv(100).startswith(b"HTTP")
        except ConnectionResetError:
            return


def test_files_are_for_their_owner_only(server: RunningServer) -> None:
    for path in server.data.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0 or path.name in ("ca.pem", "bundle.pem"), path
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    assert (server.data / "tls" / "ca.pem").read_text().count("-----BEGIN") == 1


def test_a_second_server_on_the_same_data_is_refused(server: RunningServer) -> None:
    assert "in use by another server" in start_refused(server.home, "--https-port", "0", "--http-port", "0")


def test_a_port_in_use_is_one_clear_line(server: RunningServer, tmp_path: Path) -> None:
    line = start_refused(tmp_path, "--https-port", str(port(server.https)), "--http-port", "0")
    assert line.startswith(f"strongroom: port {port(server.https)} on 127.0.0.1 is in use")


def test_sigterm_drains_and_exits_zero_though_connections_are_open(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        client = server.client("kms")
        key_id = client.create_key()["KeyMetadata"]["KeyId"]
        slow = socket.create_connection(("127.0.0.1", port(server.http)), 10)
        # A request for KMS: what S3 refuses, it refuses before the body is there.
        head = b"POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: TrentService.ListKeys\r\ncontent-length: 10\r\n\r\n"
        slow.sendall(head + b"01234")
        time.sleep(0.1)
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port(server.http)), 2)
        slow.sendall(b"56789")
        answer = slow.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 4")
        assert b"connection: close" in answer
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 3
        server.start()
        assert server.client("kms").describe_key(KeyId=key_id)["KeyMetadata"]["Enabled"]


def test_another_name_is_in_the_certificate(tmp_path: Path) -> None:
    options = ("--host", "::1", "--tls-names", "strongroom.test", "--log-format", "json")
    with running_server(tmp_path, options=options) as server:
        assert server.https.startswith("https://[::1]:")
        context = ssl.create_default_context(cafile=str(server.ca_bundle))
        with (
            socket.create_connection(("::1", port(server.https)), 10) as raw,
            context.wrap_socket(raw, server_hostname="strongroom.test") as line,
        ):
            assert line.version() == "TLSv1.3"
        before = server.ca_bundle.read_bytes()
        assert server.stop() == 0
        server.start()
        assert server.ca_bundle.read_bytes() == before
        entries = [json.loads(line) for line in server.log.read_text().splitlines()]
        assert [entry["event"] for entry in entries].count("new certificate authority") == 1


def test_an_operators_certificate_is_served(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ),
            *("-keyout", key, "-out", certificate, "-subj", "/CN=own", "-addext", "subjectAltName=DNS:own.test"),
        ],
        check=True,
        capture_output=True,
    )
    options = ("--tls-certificate", str(certificate), "--tls-private-key", str(key))
    with running_server(tmp_path, options=options) as server:
        endpoint = json.loads((server.data / "endpoint.json").read_text())
        context = ssl.create_default_context(cafile=endpoint["ca_bundle"])
        with (
            socket.create_connection(("127.0.0.1", port(server.https)), 10) as raw,
            context.wrap_socket(raw, server_hostname="own.test"),
        ):
            assert endpoint["ca_bundle"] == str(server.data / "tls" / "bundle.pem")
        server.stop()
    key.write_text("nonsense")
    assert str(key) in start_refused(tmp_path, *options, "--https-port", "0", "--http-port", "0")


def test_no_private_key_is_on_the_disk_in_clear(server: RunningServer) -> None:
    for path in server.data.rglob("*"):
        if path.is_file():
            assert b"PRIVATE KEY" not in path.read_bytes(), path
