"""`pip install strongroom-*.whl` in an empty environment: what is in it, and what works with and without extras."""

import signal
import ssl
import subprocess
import urllib.request
import zipfile
from pathlib import Path

import pytest
from tests.wheel.installed_wheel import ROOT, Environment, build


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Environment:
    return Environment(tmp_path_factory.mktemp("bare"), wheel)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Environment:
    return Environment(tmp_path_factory.mktemp("serving"), wheel, "server")


def test_it_has_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "src/strongroom"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    tracked = {line.removeprefix("src/") for line in listed.stdout.splitlines() if (ROOT / line).exists()}
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == tracked
    for needed in ("model/patches.json", "py.typed", "identities/aws_managed_policies/ReadOnlyAccess.json"):
        assert f"strongroom/{needed}" in packed
    assert [name for name in packed if name.startswith("strongroom/storage/migrations/versions/0")]


def test_its_metadata_ask_for_what_it_needs(serving: Environment) -> None:
    assert "No broken requirements found" in serving.pip("check")


def test_without_extras_the_command_and_the_client_are_there(bare: Environment) -> None:
    done = bare.run(bare.strongroom, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "serve" in done.stdout
    (bare.home / "policy.json").write_text('{"Version": "2012-10-17", "Statement": {"Effect": "Allow"}}')
    checked = bare.run(bare.strongroom, "policy", "check", "policy.json")
    assert (checked.returncode, checked.stderr) == (1, "")
    assert "error" in checked.stdout
    assert bare.run(bare.strongroom, "encrypt", "--help").returncode == 0
    client = bare.run(bare.python, "-c", "from strongroom.client import EnvelopeClient as one; print(one.__name__)")
    assert (client.stdout, client.stderr) == ("EnvelopeClient\n", "")


@pytest.mark.parametrize("command", ["serve", "env", "fsck", "rekey", "xks-proxy --xks-key-ids a --xks-make-keys"])
def test_without_extras_a_server_says_what_to_install(bare: Environment, command: str) -> None:
    done = bare.run(bare.strongroom, *command.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("strongroom: ")
    assert done.stderr.endswith("pip install 'strongroom[server]'\n")
    assert done.stderr.count("\n") == 1


def test_without_extras_the_doctor_tells(bare: Environment) -> None:
    done = bare.run(bare.strongroom, "doctor", "--https-port", "0", "--http-port", "0")
    assert done.returncode == 1, done.stderr
    assert "pip install 'strongroom[server]'" in done.stdout
    assert "A server cannot start here" in done.stdout


def test_with_the_server_extra_it_serves(serving: Environment) -> None:
    assert serving.run(serving.python, "-c", "import strongroom; print(strongroom.__file__)").stdout.startswith(
        str(serving.python.parents[1])
    )
    server = subprocess.Popen(
        [serving.strongroom, "serve", "--https-port", "0", "--http-port", "0"],
        cwd=serving.home,
        env={"HOME": str(serving.home), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        words = dict(word.split("=", 1) for word in server.stdout.readline().split()[1:])
        told = serving.run(serving.strongroom, "env")
        assert f"export AWS_ENDPOINT_URL={words['https']}\n" in told.stdout, told.stderr
        authority = serving.home / ".local" / "share" / "strongroom" / "tls" / "ca.pem"
        context = ssl.create_default_context(cafile=str(authority))
        with urllib.request.urlopen(words["https"] + "/_strongroom/health", context=context, timeout=10) as answer:
            assert answer.status == 200
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0
        assert server.stdout is not None
        server.stdout.close()
