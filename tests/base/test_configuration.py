"""What an operator may choose, and what cannot be meant."""

from pathlib import Path
from typing import Any

import pytest

from strongroom.base.configuration import (
    Configuration,
    default_root_key_file,
    make_store_id,
    parse_networks,
    read_store_id,
)
from strongroom.base.errors import OperatorError

TOKEN: dict[str, Any] = {
    "root_key_pkcs11_module": Path("a"),
    "root_key_pkcs11_token": "b",
    "root_key_pkcs11_pin_file": Path("c"),
}


@pytest.mark.parametrize(
    "choice",
    [
        {"https_port": -1},
        {"http_port": 65_536},
        {"https_port": 4566},
        {"host": ""},
        {"account_id": "12345"},
        {"account_id": "00000000000a"},
        {"region": "nowhere"},
        {"database": "mysql://x"},
        {"root_key_file": Path("a"), "root_key_passphrase": "b"},
        {"root_key_passphrase_prompt": True, "root_key_passphrase": "b"},
        {"root_key_pkcs11_module": Path("a"), "root_key_pkcs11_token": "b"},
        {"root_key_pkcs11_key_label": "a"},
        TOKEN | {"root_key_file": Path("a")},
        TOKEN | {"root_key_pkcs11_key_label": "a", "root_key_pkcs11_key_id": "00"},
        {"tls_certificate": Path("a")},
        {"tls_ca_bundle": Path("a")},
        {"root_access_key_id": "AKIA0000000000000000"},
        {"connections_max": 0},
        {"drain_seconds_max": -1},
        {"trusted_proxies": ("10.0.0.0/33",)},
        {"metrics_peers": ("localhost",)},
        {"quota_ceilings": ("200000",)},
        {"quota_ceilings": ("10x", "5x")},
    ],
)
def test_a_choice_that_cannot_be_meant_is_refused(choice: dict[str, Any]) -> None:
    with pytest.raises(OperatorError):
        Configuration(**choice)


def test_the_kind_of_the_root_key_follows_from_the_choice() -> None:
    assert Configuration().root_key_kind == "key-file"
    assert Configuration(root_key_file=Path("a")).root_key_kind == "key-file"
    assert Configuration(root_key_passphrase_prompt=True).root_key_kind == "passphrase"
    assert Configuration(**TOKEN, root_key_pkcs11_key_id="00").root_key_kind == "pkcs11"


def test_both_ports_may_be_picked_freely() -> None:
    assert Configuration(https_port=0, http_port=0).https_port == 0


def test_secrets_are_not_in_the_text_of_a_configuration() -> None:
    configuration = Configuration(
        root_key_passphrase="correct horse",
        root_access_key_id="AKIA0000000000000000",
        root_secret_access_key="battery staple",
        database="postgresql://user:hunter2@host/name",
    )
    text = repr(configuration)
    assert not any(secret in text for secret in ("correct horse", "battery staple", "hunter2"))


def test_a_path_with_odd_characters_is_still_one_database() -> None:
    assert Configuration(data=Path("/a b/50%?x")).database_url == "sqlite:////a%20b/50%25%3Fx/strongroom.db"


def test_a_store_has_one_id(tmp_path: Path) -> None:
    assert read_store_id(tmp_path) is None
    store_id = make_store_id(tmp_path)
    assert make_store_id(tmp_path) == read_store_id(tmp_path) == store_id
    assert len(store_id) == 32
    assert (tmp_path / "store-id").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "../../etc/passwd\n", "g" * 32, "\u00e9"])
def test_a_damaged_store_id_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "store-id").write_text(content)
    with pytest.raises(OperatorError):
        make_store_id(tmp_path)


def test_root_keys_of_a_store_have_different_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    first, second = default_root_key_file("0" * 32), default_root_key_file("0" * 32, "key-file:" + "1" * 32)
    assert first.parent == second.parent == tmp_path / "strongroom" / "root-keys"
    assert first != second


def test_addresses_are_networks_of_one() -> None:
    assert [str(network) for network in parse_networks("x", ("10.0.0.1", "::1/128"))] == ["10.0.0.1/32", "::1/128"]
