"""`strongroom doctor`: what is there and what is missing, for people and for programs."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from strongroom.base.configuration import Configuration
from strongroom.crypto.certificates import Names, create_authority, issue_server_certificate
from strongroom.server.doctor import examination, namespaces, serving
from strongroom.server.doctor.finding import Finding
from strongroom.server.doctor.trust import tls_trust


def doctor(home: Path, *arguments: str, status: int = 0, **variables: str) -> str:
    """Run the command, which ends with `status`, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "strongroom.cli", "doctor", "--data", str(home / "data"), *arguments],
        env=os.environ | {"XDG_CONFIG_HOME": str(home / "config")} | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stderr
    return done.stdout


def findings(configuration: Configuration, *, can_serve: bool = True) -> dict[str, Finding]:
    """Return what is found, by name."""
    found = examination.examine(configuration)
    assert found.can_serve is can_serve
    return {probe.name: finding for probe, finding in found.findings}


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    # It starts every Python of the machine; the command itself is tested with it.
    quick = tuple(probe for probe in examination.PROBES if probe.name != "runtimes")
    monkeypatch.setattr(examination, "PROBES", quick)
    return Configuration(data=tmp_path / "data", https_port=0, http_port=0, sandbox="unsafe")


def test_a_machine_that_can_serve(tmp_path: Path) -> None:
    shown = doctor(tmp_path, "--https-port", "0", "--http-port", "0")
    assert "A server can start here" in shown
    assert all(probe.name in shown for probe in examination.PROBES)
    assert f"{tmp_path / 'data'}, made at the first start" in shown
    assert "python3." in shown
    assert not (tmp_path / "data").exists(), "it looks, and makes nothing"


def test_without_bubblewrap_a_server_starts_and_functions_do_not(tmp_path: Path) -> None:
    told = json.loads(doctor(tmp_path, "--json", PATH=str(tmp_path)))
    assert told["can_serve"] is True
    sandbox = next(finding for finding in told["findings"] if finding["name"] == "sandbox")
    assert (sandbox["state"], sandbox["without"]) == ("missing", "functions do not start")
    assert "apt-get install bubblewrap" in sandbox["found"]


def test_a_data_directory_that_others_may_write_to(tmp_path: Path, configuration: Configuration) -> None:
    configuration.data.mkdir()
    configuration.data.chmod(0o777)
    found = findings(configuration, can_serve=False)["data directory"]
    assert found.state == "missing"
    assert found.remedy == f"chmod go-w {configuration.data}"
    assert "A server cannot start here" in doctor(tmp_path, status=1)


def test_unsafe_is_told(configuration: Configuration) -> None:
    sandbox = findings(configuration)["sandbox"]
    assert sandbox.state == "limited"
    assert "unsafe" in sandbox.found


def test_a_root_key_that_is_gone_or_open_to_others(tmp_path: Path, configuration: Configuration) -> None:
    configuration.data.mkdir(mode=0o700)
    (configuration.data / "store-id").write_text("0" * 32 + "\n")
    assert findings(configuration, can_serve=False)["root key"].state == "missing"
    key = tmp_path / "config" / "strongroom" / "root-keys" / f"{'0' * 32}.key"
    key.parent.mkdir(parents=True)
    key.write_text("a key")
    key.chmod(0o644)
    assert "open to others" in findings(configuration, can_serve=False)["root key"].found
    key.chmod(0o600)
    assert findings(configuration)["root key"] == Finding("ok", str(key))


def test_a_database_that_does_not_answer(configuration: Configuration) -> None:
    url = "postgresql://somebody:a-password@127.0.0.1:1/none"
    there = Configuration(data=configuration.data, sandbox="unsafe", https_port=0, http_port=0, database=url)
    database = findings(there, can_serve=False)["database"]
    assert database.state == "missing"
    assert "refused" in database.found
    assert "a-password" not in str(database)


def test_a_look_that_fails_hides_no_other(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(configuration: Configuration) -> Any:
        raise RuntimeError("no such luck")

    probes = (examination.Probe("first", failing), examination.Probe("second", serving.packages))
    monkeypatch.setattr(examination, "PROBES", probes)
    first, second = findings(configuration).values()
    assert (first.state, second.state) == ("missing", "ok")
    assert "no such luck" in first.found


def test_clients_that_do_not_know_the_authority(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tls_trust(configuration).state == "ok"
    authority = configuration.data / "tls" / "ca.pem"
    authority.parent.mkdir(parents=True, mode=0o700)
    configuration.data.chmod(0o700)
    authority.write_text("-----BEGIN CERTIFICATE-----\n")
    unknown = tls_trust(configuration)
    assert (unknown.state, unknown.remedy) == ("limited", 'eval "$(strongroom env)"')
    monkeypatch.setenv("AWS_CA_BUNDLE", os.devnull)
    assert "is another one" in tls_trust(configuration).found
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))
    assert tls_trust(configuration).state == "ok"


def test_a_certificate_of_the_operators(tmp_path: Path, configuration: Configuration) -> None:
    now = datetime.now(UTC)
    authority = create_authority("an authority", now)
    server = issue_server_certificate(authority, "a server", Names.of(["localhost"]), now)
    files = {
        "ca.pem": authority.certificate_pem,
        "server.pem": server.certificate_pem,
        "key.pem": server.private_key_pem,
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    given = replace(configuration, tls_certificate=tmp_path / "server.pem", tls_private_key=tmp_path / "key.pem")
    unknown = tls_trust(given)
    assert unknown.state == "limited"
    assert "--tls-ca-bundle" in unknown.remedy
    trusted = tls_trust(replace(given, tls_ca_bundle=tmp_path / "ca.pem"))
    assert trusted.state == "ok"
    assert "good for another" in trusted.found
    other = tls_trust(replace(given, tls_private_key=tmp_path / "ca.pem"))
    assert other.state == "missing"
    gone = tls_trust(replace(given, tls_certificate=tmp_path / "gone.pem"))
    assert gone.state == "missing"


@pytest.mark.parametrize(
    ("name", "value"), [("unprivileged_userns_clone", "0"), ("apparmor_restrict_unprivileged_userns", "1")]
)
def test_a_kernel_that_refuses_namespaces(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(namespaces, "_value", lambda asked: value if asked == f"kernel/{name}" else "")
    found = namespaces.namespaces(configuration)
    assert (found.state, f"kernel.{name}" in found.remedy) == ("limited", True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert namespaces.namespaces(configuration).state == "ok"
