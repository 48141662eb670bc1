"""Encryption contexts: no two that differ are ever authenticated alike."""

import asyncio
import contextlib
import json
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
from tests.opened_house import opened_house
from tests.services.refusals import refused

from strongroom.base.errors import AwsError
from strongroom.services.kms import ciphertext
from strongroom.services.kms.material import SymmetricMaterial

KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
HEADER = ciphertext.header_for(KEY_ID, "ab" * 32)

# Short, and from few letters: what may collide must often be nearly the same.
near = st.dictionaries(st.text("ab\x00\x01é", max_size=4), st.text("ab\x00\x01é", max_size=4), max_size=4)
wide = st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=6)
contexts = near | wide


@hypothesis.given(contexts, contexts)
@hypothesis.settings(max_examples=400, deadline=None)
def test_different_contexts_are_authenticated_differently(one: dict[str, str], other: dict[str, str]) -> None:
    same = ciphertext.authenticated_data(HEADER, one) == ciphertext.authenticated_data(HEADER, other)
    assert same == (one == other)


@hypothesis.given(contexts, st.randoms(use_true_random=False))
@hypothesis.settings(max_examples=100, deadline=None)
def test_the_order_of_a_context_does_not_count(context: dict[str, str], random: object) -> None:
    pairs = list(context.items())
    random.shuffle(pairs)  # type: ignore[attr-defined]
    assert ciphertext.authenticated_data(HEADER, dict(pairs)) == ciphertext.authenticated_data(HEADER, context)


def test_moved_boundaries_between_names_and_values_count() -> None:
    alike = [
        {"a": "bc"},
        {"ab": "c"},
        {"abc": ""},
        {"": "abc"},
        {"a": "b", "c": ""},
        {"a": "", "b": "c"},
        {"a": "", "b": "", "c": ""},
        {},
    ]
    assert len({ciphertext.authenticated_data(HEADER, each) for each in alike}) == len(alike)


def test_an_absent_context_is_an_empty_one() -> None:
    assert ciphertext.authenticated_data(HEADER, None) == ciphertext.authenticated_data(HEADER, {})


@hypothesis.given(contexts, contexts, st.binary(min_size=1, max_size=100))
@hypothesis.settings(max_examples=200, deadline=None)
def test_a_ciphertext_opens_with_its_own_context_only(
    context: dict[str, str], other: dict[str, str], plaintext: bytes
) -> None:
    material = SymmetricMaterial(KEY_ID, "ab" * 32, bytes(32))
    blob = ciphertext.parse(material.encrypt(plaintext, context))
    assert (blob.key_id, blob.key_material_id) == (KEY_ID, "ab" * 32)
    assert material.decrypt(blob, json.loads(json.dumps(context))) == plaintext
    if other != context:
        with refused("InvalidCiphertextException", ""):
            material.decrypt(blob, other)


@hypothesis.given(st.binary(max_size=200))
@hypothesis.settings(max_examples=300, deadline=None)
def test_any_bytes_parse_or_are_refused(blob: bytes) -> None:
    parsed = None
    with contextlib.suppress(AwsError):
        parsed = ciphertext.parse(blob)
    if parsed is None:
        with refused("InvalidCiphertextException", ""):
            ciphertext.parse(blob)
    else:
        assert parsed.header + parsed.body == blob


def test_a_multi_region_key_id_comes_back_out_of_the_header() -> None:
    header = ciphertext.header_for("mrk-" + "0f" * 16, "ab" * 32)
    assert ciphertext.parse(header + bytes(33)).key_id == "mrk-" + "0f" * 16
    assert header != ciphertext.header_for("0f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f", "ab" * 32)


def test_odd_and_large_contexts_pass_through_the_house(tmp_path: Path) -> None:
    odd = [
        {"\x00": "\x00\x00"},
        {"e\u0301": "decomposed", "\u00e9": "composed"},
        {"\U0001f511": "\u202e\ufeff", "": ""},
        {f"{number:02}": "v" * 79 for number in range(100)},
    ]

    async def main() -> None:
        async with opened_house(tmp_path) as house:
            key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
            for context in odd:
                answer = await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x", EncryptionContext=dict(context))
                blob = answer["CiphertextBlob"]
                opened = await house.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=dict(context))
                assert opened["Plaintext"] == b"x"
            now = house.clock.now()
            used = (await house.house.audit.records(now - 60, now))[1:]
            seen = [each.request["EncryptionContext"] for each in used]
            assert seen == [context for context in odd for _ in range(2)]

    asyncio.run(main())


def test_a_context_has_8192_characters_in_all(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
            most = {"a" * 4_000: "é" * 4_000, "b" * 92: "c" * 100}
            answer = await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x", EncryptionContext=most)
            blob = answer["CiphertextBlob"]
            await house.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=most)
            too_many = most | {"b" * 92: "c" * 101}
            for operation, members in {
                "Encrypt": {"KeyId": key_id, "Plaintext": b"x", "EncryptionContext": too_many},
                "GenerateDataKey": {"KeyId": key_id, "KeySpec": "AES_256", "EncryptionContext": too_many},
                "Decrypt": {"CiphertextBlob": blob, "EncryptionContext": too_many},
                "ReEncrypt": {
                    "CiphertextBlob": blob,
                    "SourceEncryptionContext": most,
                    "DestinationKeyId": key_id,
                    "DestinationEncryptionContext": too_many,
                },
            }.items():
                with refused("ValidationException"):
                    await house.kms(operation, **members)

    asyncio.run(main())
