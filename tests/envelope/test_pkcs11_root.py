"""The root key in a PKCS#11 token: what is particular to it."""

import pytest
from tests.softhsm import put_key

from strongroom.base.errors import OperatorError
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.envelope.keyring import Keyring
from strongroom.envelope.root.pkcs11 import Pkcs11Root
from strongroom.hsm.errors import HsmError, KeyNotFound, KeyUnusable
from strongroom.hsm.token import TokenLogin, open_token


def test_the_first_start_finds_the_key_of_one_that_was_cut_short(token_login: TokenLogin) -> None:
    made = Pkcs11Root.find_or_create(token_login, "strongroom first")
    assert Pkcs11Root.find_or_create(token_login, "strongroom first").fingerprint == made.fingerprint
    another = Pkcs11Root.create(token_login, "strongroom first")
    assert another.fingerprint != made.fingerprint
    with pytest.raises(HsmError, match="several keys labelled 'strongroom first': choose one by its id"):
        Pkcs11Root.find_or_create(token_login, "strongroom first")


def test_a_key_that_is_there_already_is_used_by_its_id(token_login: TokenLogin) -> None:
    with open_token(token_login) as token:
        key_id = put_key(token, bytes(32))
    root = Pkcs11Root.of_key(token_login, key_id)
    rows = Keyring.create(root, now=0).rows()
    assert Keyring.load(rows, Pkcs11Root.load(token_login, rows[0].root_parameters)).numbers == (1,)


def test_a_key_that_could_leave_its_token_is_no_root_key(token_login: TokenLogin) -> None:
    with open_token(token_login) as token:
        key_id = put_key(token, bytes(32), EXTRACTABLE=True)
    with pytest.raises(KeyUnusable):
        Pkcs11Root.of_key(token_login, key_id)


def test_a_missing_key(token_login: TokenLogin) -> None:
    with pytest.raises(KeyNotFound, match="no such key: id 00ff"):
        Pkcs11Root.of_key(token_login, b"\x00\xff")


def test_another_key_put_under_the_same_id_does_not_open(token_login: TokenLogin) -> None:
    root = Pkcs11Root.create(token_login, "replaced")
    row = Keyring.create(root, now=0).rows()[0]
    with open_token(token_login) as token:
        impostor = put_key(token, bytes(32))
    other = Pkcs11Root.of_key(token_login, impostor)
    with pytest.raises(OperatorError, match="is not the one that wrapped it, or the keyring was altered"):
        Keyring.load([row._replace(root_fingerprint=other.fingerprint)], other)


def test_what_the_other_kinds_wrap_is_refused_unseen(token_login: TokenLogin) -> None:
    root = Pkcs11Root.create(token_login, "versions")
    wrapped = root.wrap(bytes(32), b"")
    assert wrapped[0] == 2
    with pytest.raises(AuthenticationFailed):
        root.unwrap(b"\x01" + wrapped[1:], b"")


def test_labels_of_any_sort_are_recorded(token_login: TokenLogin) -> None:
    for label in ("a;b=c%20", "ümläut", "日本", " "):
        root = Pkcs11Root(TokenLogin(token_login.module, label, ""), b"\x01")
        assert root.public_parameters.isascii()
        assert root.public_parameters.count(";") == 2


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "$argon2id$v=19$m=65536,t=3,p=4$QEFCQ0RFRkdISUpLTE1OTw",
        "pkcs11:token=t;id=;type=secret-key",
        "pkcs11:token=t;id=%0;type=secret-key",
        "pkcs11:token=t;id=%0a;type=secret-key",
        "pkcs11:token=t;id=%0A;type=private",
        "pkcs11:token=t;id=%0A;type=secret-key;pin-value=1",
        "pkcs11:id=%0A;token=t;type=secret-key",
    ],
)
def test_parameters_are_written_in_one_way_only(token_login: TokenLogin, parameters: str) -> None:
    with pytest.raises(OperatorError, match="recorded parameters cannot be used"):
        Pkcs11Root.load(token_login, parameters)


@pytest.mark.parametrize("key_id", [b"", bytes(256)])
def test_an_id_has_bounds(token_login: TokenLogin, key_id: bytes) -> None:
    with pytest.raises(OperatorError, match="1 to 255 bytes"):
        Pkcs11Root.of_key(token_login, key_id)
