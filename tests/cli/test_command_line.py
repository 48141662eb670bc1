"""The `strongroom` command: where options come from, and how it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from strongroom import __version__
from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.cli.application import application
from strongroom.cli.settings_file import read_settings


def strongroom(*arguments: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "share"),
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-m", "strongroom.cli", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=30,
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    (tmp_path / "config" / "strongroom").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    return tmp_path


def chosen(*arguments: str) -> Configuration:
    """Return the configuration that `strongroom serve` would run with."""
    _, bound, _ = application.parse_args(["serve", *arguments], exit_on_error=False, print_error=False)
    configuration = bound.arguments.get("configuration") or Configuration()
    assert isinstance(configuration, Configuration)
    return configuration


def test_the_defaults_are_the_documented_ones(home: Path) -> None:
    configuration = chosen()
    assert (configuration.host, configuration.https_port, configuration.http_port) == ("127.0.0.1", 4567, 4566)
    assert (configuration.region, configuration.account_id) == ("us-east-1", "000000000000")
    assert configuration.data == home / "share" / "strongroom"


def test_a_flag_beats_a_variable_beats_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "data" / "strongroom.toml").write_text(
        'region = "eu-west-1"\nhttps-port = 1\nhttp_port = 2\ntrusted-proxies = ["10.0.0.0/8", "::1"]\n'
    )
    monkeypatch.setenv("STRONGROOM_HTTPS_PORT", "3")
    monkeypatch.setenv("STRONGROOM_REGION", "eu-west-2")
    configuration = chosen("--data", str(home / "data"), "--region", "eu-west-3")
    assert (configuration.region, configuration.https_port, configuration.http_port) == ("eu-west-3", 3, 2)
    assert configuration.trusted_proxies == ("10.0.0.0/8", "::1")


def test_the_file_in_the_users_configuration_directory_counts_if_the_data_has_none(home: Path) -> None:
    (home / "config" / "strongroom" / "strongroom.toml").write_text("https-port = 7")
    assert chosen("--data", str(home / "data")).https_port == 7
    (home / "data" / "strongroom.toml").write_text("https-port = 8")
    assert chosen("--data", str(home / "data")).https_port == 8
    other = home / "other.toml"
    other.write_text("https-port = 9")
    assert chosen("--data", str(home / "data"), "--config", str(other)).https_port == 9


def test_the_data_directory_may_come_from_its_variable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "data" / "strongroom.toml").write_text("https-port = 8")
    monkeypatch.setenv("STRONGROOM_DATA", str(home / "data"))
    configuration = chosen()
    assert (configuration.data, configuration.https_port) == (home / "data", 8)


def test_several_values_in_a_variable_are_separated_by_spaces(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_TLS_NAMES", "one.test two.test")
    assert chosen().tls_names == ("one.test", "two.test")


def test_variables_that_env_prints_do_not_confuse_the_next_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_HTTP_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("STRONGROOM_ACCOUNT_ID", "111122223333")
    assert chosen().account_id == "111122223333"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("htps-port = 1", "did you mean 'https-port'"),
        ("[serve]\nhttps-port = 1", "there is no setting 'serve'"),
        ("https-port = 1\nhttps_port = 2", "set twice"),
        ("[region]\nx = 1", "not a table"),
        ("https-port = ", "is not TOML"),
        ("root-key-passphrase = 'x'", "chmod 600"),
    ],
)
def test_a_settings_file_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "strongroom.toml"
    path.write_text(text)
    path.chmod(0o644)
    with pytest.raises(OperatorError, match=complaint):
        read_settings(path)


def test_a_missing_settings_file_is_refused_when_it_was_named(home: Path) -> None:
    done = strongroom("serve", "--config", str(home / "none.toml"), home=home)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "none.toml cannot be read" in done.stderr


def test_version(home: Path) -> None:
    done = strongroom("--version", home=home)
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("srve",), 'Did you mean "serve"?'),
        (("serve", "--bogus"), "Unknown option: --bogus"),
        (("serve", "--https-port", "many"), "unable to convert"),
        (("serve", "--https-port", "70000"), "a port is a number from 0 to 65535"),
        (("serve", "--account-id", "1"), "is not 12 digits"),
        (("env", "--format", "xml"), "Choose from"),
        (("env",), "strongroom serve --data"),
        (("rekey",), "there is no store"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(home: Path, arguments: tuple[str, ...], complaint: str) -> None:
    done = strongroom(*arguments, home=home)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("strongroom: ")
    assert complaint in done.stderr


def test_help_names_every_option_and_its_variable(home: Path) -> None:
    text = strongroom("serve", "--help", home=home, COLUMNS="200").stdout
    for name in Configuration.__slots__:
        assert f"--{name.replace('_', '-')}" in text
        assert f"STRONGROOM_{name.upper()}" in text
