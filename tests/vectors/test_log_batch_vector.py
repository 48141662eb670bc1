"""The batch of log events of `docs/formats.md`: opened by the code, and made from the document's words."""

import hashlib
import hmac
import re
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.envelope.sealed import SealBroken
from strongroom.services.logs.events.batches import decoded, opened_batch
from strongroom.services.logs.events.data_keys import DataKey

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats.md"
BLOCK = re.search(r"^```vector-log-batch\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
ROW = {
    "batch": "00112233445566778899aabbccddeeff",
    "data_key_id": "ffeeddccbbaa99887766554433221100",
    "group_number": 1,
    "stream_number": 2,
    "first_at": 1_700_000_000_000,
    "last_at": 1_700_000_000_001,
    "ingested_at": 1_700_000_000_002,
    "events": 2,
}


def vector() -> dict[str, str]:
    assert BLOCK is not None
    return dict(line.split(": ", 1) for line in BLOCK[1].splitlines())


def as_bytes(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def test_the_document_says_how_it_is_made() -> None:
    told = vector()
    key, n = as_bytes(told["data key"]), as_bytes(told["n"])
    label = b"strongroom aes-256-gcm message key v1"
    message_key = hmac.digest(key, b"\x00\x00\x00\x01" + label + b"\x00" + n + b"\x00\x00\x01\x00", hashlib.sha256)
    additional = b"\x01" + told["place"].encode()
    sealed = AESGCM(message_key).encrypt(bytes(12), as_bytes(told["compressed"]), additional)
    assert b"\x01" + n + sealed == as_bytes(told["content"])
    packed = zlib.decompress(as_bytes(told["compressed"]))
    assert packed.startswith(b"\x92\x92\xcf" + (1_700_000_000_000).to_bytes(8))
    assert packed.endswith(b"\x92\xa5first\xa6second")


def test_the_code_opens_it_where_it_belongs_and_nowhere_else() -> None:
    told = vector()
    key = DataKey(ROW["data_key_id"], None, as_bytes(told["data key"]), 0.0)
    row = {**ROW, "content": as_bytes(told["content"])}
    assert decoded(opened_batch(key, row)) == ([1_700_000_000_000, 1_700_000_000_001], ["first", "second"])
    for name, value in ROW.items():
        with pytest.raises(SealBroken):
            opened_batch(key, {**row, name: value + 1 if isinstance(value, int) else value[::-1]})
    content = row["content"]
    for position in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[position] ^= 1
        with pytest.raises(SealBroken):
            opened_batch(key, {**row, "content": bytes(damaged)})
