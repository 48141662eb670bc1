"""Keys in a token: AES-GCM that agrees with another implementation, and keys that cannot leave."""

from collections.abc import Iterator

import pkcs11
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pkcs11 import Attribute, KeyType, MechanismFlag
from tests.softhsm import put_key

from strongroom.crypto.aead import AuthenticationFailed
from strongroom.crypto.random import random_bytes
from strongroom.hsm.errors import KeyNotFound, KeyUnusable
from strongroom.hsm.key import IV_BYTES, OVERHEAD_BYTES, PLAINTEXT_BYTES_MAX, TokenKey
from strongroom.hsm.token import Token, TokenLogin, open_token

KNOWN_VALUE = bytes(range(32))
BOTH_WAYS = MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT


@pytest.fixture(scope="module")
def token(token_login: TokenLogin) -> Iterator[Token]:
    with open_token(token_login) as opened:
        yield opened


@pytest.fixture(scope="module")
def key(token: Token) -> TokenKey:
    return TokenKey(token, token.use(lambda logged_in: logged_in.generate_key("a key")))


@pytest.fixture(scope="module")
def known_key(token: Token) -> TokenKey:
    return TokenKey(token, put_key(token, KNOWN_VALUE))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(plaintext=st.binary(max_size=300), aad=st.binary(max_size=300))
def test_it_is_aes_gcm(known_key: TokenKey, plaintext: bytes, aad: bytes) -> None:
    value, key = KNOWN_VALUE, known_key
    sealed = key.encrypt(plaintext, aad)
    assert len(sealed) == len(plaintext) + OVERHEAD_BYTES
    assert AESGCM(value).decrypt(sealed[:IV_BYTES], sealed[IV_BYTES:], aad) == plaintext
    iv = random_bytes(IV_BYTES)
    assert key.decrypt(iv + AESGCM(value).encrypt(iv, plaintext, aad), aad) == plaintext


def test_no_iv_comes_twice(key: TokenKey) -> None:
    assert len({key.encrypt(b"", b"")[:IV_BYTES] for _ in range(100)}) == 100


def test_altered_messages_and_other_data_do_not_open(key: TokenKey) -> None:
    sealed = key.encrypt(b"a message", b"aad")
    assert key.decrypt(sealed, b"aad") == b"a message"
    altered = [sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :] for place in range(len(sealed))]
    for blob in [*altered, sealed[:-1], sealed + b"\0", b"", sealed[:OVERHEAD_BYTES]]:
        with pytest.raises(AuthenticationFailed):
            key.decrypt(blob, b"aad")
    for aad in (b"", b"aae", b"aad\0"):
        with pytest.raises(AuthenticationFailed):
            key.decrypt(sealed, aad)


def test_the_longest_message(key: TokenKey) -> None:
    longest = bytes(PLAINTEXT_BYTES_MAX)
    assert key.decrypt(key.encrypt(longest, b""), b"") == longest
    with pytest.raises(ValueError, match="at most"):
        key.encrypt(longest + b"\0", b"")
    with pytest.raises(AuthenticationFailed):
        key.decrypt(bytes(PLAINTEXT_BYTES_MAX + OVERHEAD_BYTES + 1), b"")


def test_a_key_made_here_never_leaves(token: Token, key: TokenKey) -> None:
    found = token.use(lambda logged_in: logged_in.key(key.key_id))
    wanted = {
        Attribute.SENSITIVE: True,
        Attribute.ALWAYS_SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.NEVER_EXTRACTABLE: True,
        Attribute.PRIVATE: True,
        Attribute.WRAP: False,
        Attribute.DERIVE: False,
        Attribute.VALUE_LEN: 32,
    }
    assert {attribute: found[attribute] for attribute in wanted} == wanted
    with pytest.raises(pkcs11.AttributeSensitive):
        found[Attribute.VALUE]
    key.check()


@pytest.mark.parametrize(
    "changed", [{"SENSITIVE": False}, {"EXTRACTABLE": True}, {"ENCRYPT": False}, {"DECRYPT": False}], ids=str
)
def test_a_key_that_could_leave_or_cannot_do_its_work_is_refused(token: Token, changed: dict[str, bool]) -> None:
    key = TokenKey(token, put_key(token, bytes(32), **changed))
    with pytest.raises(KeyUnusable, match=f"CKA_{next(iter(changed))}"):
        key.encrypt(b"", b"")


def test_a_shorter_key_is_refused(token: Token) -> None:
    with pytest.raises(KeyUnusable, match="CKA_VALUE_LEN"):
        TokenKey(token, put_key(token, bytes(16))).check()


def test_keys_are_told_apart_by_their_id(token: Token) -> None:
    first, second = (token.use(lambda logged_in: logged_in.generate_key("one label")) for _ in range(2))
    assert sorted(token.use(lambda logged_in: logged_in.key_ids_labelled("one label"))) == sorted([first, second])
    sealed = TokenKey(token, first).encrypt(b"a message", b"")
    with pytest.raises(AuthenticationFailed):
        TokenKey(token, second).decrypt(sealed, b"")


def test_two_keys_of_one_id_are_refused(token: Token) -> None:
    key_id = put_key(token, bytes(32))
    with token.use(lambda logged_in: logged_in.session.token.open(rw=True)) as writing:
        writing.generate_key(KeyType.AES, 256, id=key_id, store=True, capabilities=BOTH_WAYS)
    with pytest.raises(KeyUnusable, match="several keys with the id"):
        TokenKey(token, key_id).check()


def test_a_destroyed_key_is_not_found(token: Token) -> None:
    key = TokenKey(token, token.use(lambda logged_in: logged_in.generate_key("short-lived")))
    sealed = key.encrypt(b"a message", b"")
    with token.use(lambda logged_in: logged_in.session.token.open(rw=True)) as writing:
        for found in writing.get_objects({Attribute.ID: key.key_id}):
            found.destroy()
    for attempt in (lambda: key.encrypt(b"", b""), lambda: key.decrypt(sealed, b""), key.check):
        with pytest.raises(KeyNotFound, match=key.key_id.hex()):
            attempt()
