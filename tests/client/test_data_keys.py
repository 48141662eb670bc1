"""Which requests are alike: one data key for those, and for no others."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.client import CacheLimits, KmsKeys
from strongroom.client.data_keys import DataKeys, raise_alike
from strongroom.client.errors import Closed, NoUsableKey, Refusal
from strongroom.client.messages.algorithm_suites import COMMITTING, COMMITTING_SIGNED, SUITES
from strongroom.client.messages.encrypted_data_key import EncryptedDataKey
from strongroom.client.messages.header import MessageHeader

TEXT = st.text("ab\0", max_size=3)
CONTEXTS = st.dictionaries(TEXT, TEXT, max_size=3)
FIELDS = st.binary(max_size=2)
ENCRYPTED = st.lists(st.builds(EncryptedDataKey, st.sampled_from(["a", "b"]), FIELDS, FIELDS), min_size=1, max_size=3)
KEYS = KmsKeys("alias/app")
KEEPS = DataKeys(KEYS, CacheLimits(age_seconds_max=60, bytes_max=1_000))


def header(suite_id: int, encrypted: list[EncryptedDataKey], context: dict[str, str]) -> MessageHeader:
    return MessageHeader(SUITES[suite_id], b"", context, tuple(encrypted), 4096, b"", b"", b"", b"")


def in_order(encrypted: list[EncryptedDataKey]) -> list[tuple[str, bytes, bytes]]:
    return sorted((one.provider_id, one.provider_info, one.ciphertext) for one in encrypted)


@given(CONTEXTS, CONTEXTS)
def test_a_context_has_a_data_key_of_its_own(a: dict[str, str], b: dict[str, str]) -> None:
    ids = [KEEPS.to_encrypt(COMMITTING, context, 1).entry_id for context in (a, b)]
    assert (ids[0] == ids[1]) == (a == b)
    turned = dict(reversed(list(a.items())))
    assert KEEPS.to_encrypt(COMMITTING, turned, 2).entry_id == ids[0]
    assert KEEPS.to_encrypt(COMMITTING_SIGNED, a, 1).entry_id != ids[0]


@given(ENCRYPTED, ENCRYPTED, CONTEXTS, CONTEXTS)
def test_reading_takes_the_same_encrypted_data_keys(
    a: list[EncryptedDataKey], b: list[EncryptedDataKey], context: dict[str, str], other: dict[str, str]
) -> None:
    first = KEEPS.to_decrypt(header(0x0478, a, context)).entry_id
    second = KEEPS.to_decrypt(header(0x0478, b, other)).entry_id
    are_alike = in_order(a) == in_order(b) and context == other
    assert (first == second) == are_alike
    assert KEEPS.to_decrypt(header(0x0378, a, context)).entry_id != first


class Unlike(Exception):
    """An exception that is not made of what it has."""

    def __init__(self) -> None:
        super().__init__("told", "as two")


@pytest.mark.parametrize("error", [Closed(), NoUsableKey((Refusal("a", "b"),)), Unlike(), OSError(2, "away")], ids=repr)
def test_who_waits_fails_alike(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        raise_alike(error)
    assert caught.value.args == error.args
    assert pickle.dumps(error) == pickle.dumps(caught.value) or isinstance(error, Unlike)


def test_a_length_is_not_negative() -> None:
    # It would give back what other messages have used up.
    with pytest.raises(ValueError, match="below 0"):
        KEEPS.to_encrypt(COMMITTING, {}, -1)


def test_what_is_not_kept() -> None:
    assert KEEPS.to_encrypt(COMMITTING, {}, 1_000).cache is not None
    assert KEEPS.to_encrypt(COMMITTING, {}, 1_001).cache is None
    assert KEEPS.to_encrypt(COMMITTING, {}, None).cache is None
    once = DataKeys(KEYS, CacheLimits(age_seconds_max=60, messages_max=1))
    assert once.to_encrypt(COMMITTING, {}, 1).cache is None
    assert DataKeys(KEYS, None).to_encrypt(COMMITTING, {}, 1).cache is None
    encrypted = [EncryptedDataKey.of_kms("a", b"c")]
    for suite in SUITES.values():
        derives = suite.kdf_hash is not None
        assert (KEEPS.to_encrypt(suite, {}, 1).cache is not None) is derives
        assert (KEEPS.to_decrypt(header(suite.suite_id, encrypted, {})).cache is not None) is derives
