"""The contract of root key sources: every kind passes the same tests.

A kind is a pair of functions: one makes a source with a new root key, the other finds the same root key again.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.softhsm import PIN

from strongroom.base.errors import OperatorError
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.envelope.keyring import Keyring
from strongroom.envelope.root import KeyFileRoot, PassphraseRoot, RootKeySource
from strongroom.envelope.root.pkcs11 import Pkcs11Root

PASSPHRASE = "correct horse battery staple"


class Kind(NamedTuple):
    create: Callable[[Path], RootKeySource]
    find: Callable[[Path, str], RootKeySource]


def key_file(_: pytest.FixtureRequest) -> Kind:
    return Kind(
        create=lambda directory: KeyFileRoot.create(directory / "root.key"),
        find=lambda directory, _: KeyFileRoot.load(directory / "root.key"),
    )


def passphrase(_: pytest.FixtureRequest) -> Kind:
    return Kind(
        create=lambda _: PassphraseRoot.create(PASSPHRASE),
        find=lambda _, parameters: PassphraseRoot.load(PASSPHRASE, parameters),
    )


def pkcs11(request: pytest.FixtureRequest) -> Kind:
    login = request.getfixturevalue("token_login")
    return Kind(
        create=lambda directory: Pkcs11Root.create(login, directory.name),
        find=lambda _, parameters: Pkcs11Root.load(login, parameters),
    )


KINDS = {"key-file": key_file, "passphrase": passphrase, "pkcs11": pkcs11}


class Found(NamedTuple):
    """A source, the same root key found a second time, another root key of the kind, and the kind's name."""

    source: RootKeySource
    again: RootKeySource
    other: RootKeySource
    kind: str


@pytest.fixture(scope="module", params=KINDS)
def found(request, tmp_path_factory) -> Found:
    kind = KINDS[request.param](request)
    directory = tmp_path_factory.mktemp("root")
    source = kind.create(directory)
    again = kind.find(directory, source.public_parameters)
    return Found(source, again, kind.create(tmp_path_factory.mktemp("other")), request.param)


def test_what_one_wraps_the_same_root_key_found_again_unwraps(found):
    wrapped = found.source.wrap(b"a storage key", b"aad")
    assert found.again.unwrap(wrapped, b"aad") == b"a storage key"
    assert found.source.unwrap(wrapped, b"aad") == b"a storage key"


def test_wrapping_twice_differs_and_hides(found):
    key = bytes(range(32))
    one, other = found.source.wrap(key, b"aad"), found.source.wrap(key, b"aad")
    assert one != other
    assert key not in one


def test_another_root_key_does_not_unwrap(found):
    wrapped = found.source.wrap(b"a storage key", b"aad")
    with pytest.raises(AuthenticationFailed):
        found.other.unwrap(wrapped, b"aad")


def test_other_associated_data_does_not_unwrap(found):
    wrapped = found.source.wrap(b"a storage key", b"aad")
    for aad in (b"", b"aae", b"aad "):
        with pytest.raises(AuthenticationFailed):
            found.source.unwrap(wrapped, aad)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_any_flipped_bit_truncation_or_extension_fails(found, data):
    wrapped = found.source.wrap(b"a storage key", b"aad")
    flipped = bytearray(wrapped)
    bit = data.draw(st.integers(0, len(wrapped) * 8 - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    cut = data.draw(st.integers(0, len(wrapped) - 1))
    more = data.draw(st.binary(min_size=1, max_size=4))
    for altered in (bytes(flipped), wrapped[:cut], wrapped[cut + 1 :], wrapped + more, more + wrapped):
        with pytest.raises(AuthenticationFailed):
            found.source.unwrap(altered, b"aad")


def test_the_fingerprint_names_the_kind_and_the_key(found):
    kind, _, digits = found.source.fingerprint.partition(":")
    assert kind == found.kind
    assert len(bytes.fromhex(digits)) == 16
    assert found.again.fingerprint == found.source.fingerprint
    assert found.other.fingerprint != found.source.fingerprint


def test_nothing_secret_shows(found):
    assert repr(found.source) in (
        f"KeyFileRoot({found.source.fingerprint})",
        f"PassphraseRoot({found.source.fingerprint})",
        f"Pkcs11Root({found.source.fingerprint})",
    )
    shown = repr(found.source) + found.source.fingerprint + found.source.public_parameters + found.source.likely_cause
    assert PASSPHRASE not in shown
    assert PIN not in shown


def test_a_keyring_opens_with_the_root_key_found_again_and_with_no_other(found):
    keyring = Keyring.create(found.source, now=1_800_000_000.5)
    opened = Keyring.load(keyring.rows(), found.again)
    blob = keyring.aead(1).encrypt(b"stored", b"")
    assert opened.aead(1).decrypt(blob, b"") == b"stored"
    with pytest.raises(OperatorError) as refusal:
        Keyring.load(keyring.rows(), found.other)
    assert str(refusal.value) == (
        "this root key does not open this keyring: "
        f"expected fingerprint {found.source.fingerprint}, got {found.other.fingerprint}"
    )


def test_an_altered_row_says_what_is_likely(found):
    row = Keyring.create(found.source, now=0).rows()[0]
    with pytest.raises(OperatorError) as refusal:
        Keyring.load([row._replace(wrapped=row.wrapped[:-1])], found.again)
    assert found.source.likely_cause in str(refusal.value)
