"""The envelope of `docs/formats.md` is what the code makes, and what the document's words make."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.crypto.aead import AuthenticationFailed
from strongroom.services.ssm.envelopes import encrypted_data_key_of, open_envelope, seal_in_envelope

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats.md"
BLOCK = re.search(r"^```vector-advanced-secure-string\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
assert BLOCK is not None
VECTOR = dict(line.split(": ", 1) for line in BLOCK.group(1).splitlines())
VALUE, ARN = VECTOR["plaintext"].encode(), VECTOR["arn"]


def octets(name: str) -> bytes:
    return bytes.fromhex(VECTOR[name].removeprefix("0x"))


def test_the_code_makes_the_documented_envelope_and_opens_it() -> None:
    key, encrypted, envelope = octets("data key"), octets("encrypted data key"), octets("envelope")
    assert seal_in_envelope(key, encrypted, VALUE, ARN) == envelope
    assert encrypted_data_key_of(envelope) == encrypted
    assert open_envelope(key, envelope, ARN) == VALUE
    for damaged in (envelope[:-1], envelope[:20] + b"x" + envelope[21:], b"", b"PE\x02" + envelope[3:], envelope[:4]):
        with pytest.raises(AuthenticationFailed):
            open_envelope(key, damaged, ARN)
    with pytest.raises(AuthenticationFailed):
        open_envelope(key, envelope, ARN + "x")


def test_the_documents_words_alone_make_the_same_envelope() -> None:
    encrypted = octets("encrypted data key")
    sealed = AESGCM(octets("data key")).encrypt(bytes(12), VALUE, ARN.encode())
    assert b"PE\x01" + len(encrypted).to_bytes(2, "big") + encrypted + sealed == octets("envelope")
