"""Which key in which token the server opens, and what an operator can get wrong."""

from pathlib import Path
from typing import Any

import pytest
from tests.softhsm import PIN, SoftHsm

from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.envelope.keyring import Keyring, KeyringRow
from strongroom.envelope.root import KeyFileRoot
from strongroom.hsm.token import TokenLogin
from strongroom.server.root_key import open_root_key


@pytest.fixture
def choice(softhsm: SoftHsm, token_login: TokenLogin, tmp_path: Path) -> dict[str, Any]:
    """What a configuration says of the shared token."""
    (tmp_path / "data").mkdir()
    return {
        "data": tmp_path / "data",
        "root_key_pkcs11_module": softhsm.module,
        "root_key_pkcs11_token": token_login.label,
        "root_key_pkcs11_pin_file": softhsm.pin_file,
    }


def rows_of(choice: dict[str, Any]) -> tuple[KeyringRow, ...]:
    return Keyring.create(open_root_key(Configuration(**choice), ()), now=0).rows()


def test_a_root_key_is_made_once(choice: dict[str, Any]) -> None:
    rows = rows_of(choice)
    assert rows_of(choice)[0].root_fingerprint == rows[0].root_fingerprint, "a first start that was cut short"
    assert Keyring.load(rows, open_root_key(Configuration(**choice), rows)).numbers == (1,)


def test_each_store_makes_its_own_key_in_a_shared_token(choice: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "another").mkdir()
    other = rows_of(choice | {"data": tmp_path / "another"})
    assert other[0].root_fingerprint != rows_of(choice)[0].root_fingerprint


def test_a_key_of_the_operators_choice(choice: dict[str, Any]) -> None:
    rows = rows_of(choice | {"root_key_pkcs11_key_label": "made by ceremony"})
    key_id = rows[0].root_parameters.partition(";id=")[2].partition(";")[0].replace("%", "")
    by_id = choice | {"root_key_pkcs11_key_id": key_id}
    assert rows_of(by_id)[0].root_fingerprint == rows[0].root_fingerprint
    others = rows_of(choice)
    with pytest.raises(OperatorError, match="this root key does not open this keyring"):
        Keyring.load(others, open_root_key(Configuration(**by_id), others))


def test_a_lost_key_is_not_made_anew(choice: dict[str, Any], softhsm: SoftHsm) -> None:
    rows = rows_of(choice)
    softhsm.make_token(f"replacement {choice['data'].parent.name}"[:32])
    elsewhere = choice | {"root_key_pkcs11_token": f"replacement {choice['data'].parent.name}"[:32]}
    with pytest.raises(OperatorError, match="has no such key: id "):
        open_root_key(Configuration(**elsewhere), rows)


def test_a_root_key_of_another_kind_is_named(choice: dict[str, Any], tmp_path: Path) -> None:
    in_token = rows_of(choice)
    for other in ({}, {"root_key_file": tmp_path / "root.key"}, {"root_key_passphrase": "correct horse battery"}):
        with pytest.raises(OperatorError, match="is in a PKCS#11 token: give root-key-pkcs11-module"):
            open_root_key(Configuration(data=choice["data"], **other), in_token)
    in_file = Keyring.create(KeyFileRoot.create(tmp_path / "root.key"), now=0).rows()
    with pytest.raises(OperatorError, match="is in a key file: give root-key-file"):
        open_root_key(Configuration(**choice), in_file)


def test_what_an_operator_can_get_wrong(choice: dict[str, Any], tmp_path: Path) -> None:
    wrong, readable = tmp_path / "wrong", tmp_path / "readable"
    wrong.write_text("not the pin")
    wrong.chmod(0o600)
    readable.write_text(PIN)
    readable.chmod(0o644)
    rows = rows_of(choice)
    complaints: list[tuple[dict[str, Any], str]] = [
        ({"root_key_pkcs11_module": tmp_path / "no.so"}, "there is no PKCS#11 module"),
        ({"root_key_pkcs11_token": "no such"}, "there is no PKCS#11 token labelled 'no such'"),
        ({"root_key_pkcs11_pin_file": wrong}, "refuses the PIN: PinIncorrect"),
        ({"root_key_pkcs11_pin_file": readable}, "is open to others than its owner"),
        ({"root_key_pkcs11_pin_file": tmp_path / "none"}, "there is no PIN file"),
        ({"root_key_pkcs11_key_id": "00ff"}, "has no such key: id 00ff"),
        ({"root_key_pkcs11_key_id": "0"}, "is no id of a PKCS#11 key"),
    ]
    for changed, complaint in complaints:
        with pytest.raises(OperatorError) as refusal:
            open_root_key(Configuration(**(choice | changed)), rows)
        assert complaint in str(refusal.value)
        assert PIN not in str(refusal.value)
