"""The KMS ciphertext blob of `docs/formats.md` is what the code makes, and what the document's words make."""

import hmac
import json
import re
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.crypto.aead import DerivedKeyAead
from strongroom.services.kms import ciphertext
from strongroom.services.kms.material import SymmetricMaterial

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats.md"
BLOCK = re.search(r"^```vector-kms-ciphertext\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
assert BLOCK is not None
VECTOR = dict(line.split(": ", 1) for line in BLOCK.group(1).splitlines())
CONTEXT = json.loads(VECTOR["encryption context"])


def octets(name: str) -> bytes:
    return bytes.fromhex(VECTOR[name].removeprefix("0x"))


def test_the_code_makes_the_documented_blob_and_opens_it() -> None:
    header = ciphertext.header_for(VECTOR["key id"], VECTOR["key material id"])
    data = ciphertext.authenticated_data(header, CONTEXT)
    assert data == octets("additional data")
    cipher = DerivedKeyAead(octets("key material"))
    made = header + cipher.unsafe_encrypt_with_n(octets("n"), VECTOR["plaintext"].encode(), data)
    assert made == octets("ciphertext blob")
    material = SymmetricMaterial(VECTOR["key id"], VECTOR["key material id"], octets("key material"))
    parsed = ciphertext.parse(made)
    assert (parsed.key_id, parsed.key_material_id) == (VECTOR["key id"], VECTOR["key material id"])
    assert material.decrypt(parsed, CONTEXT) == VECTOR["plaintext"].encode()


def test_the_documents_words_alone_make_the_same_blob() -> None:
    def sized(text: str) -> bytes:
        return len(text.encode()).to_bytes(4, "big") + text.encode()

    header = b"\x01\x01" + bytes.fromhex(VECTOR["key id"].replace("-", "")) + bytes.fromhex(VECTOR["key material id"])
    pairs = b"".join(sized(name) + sized(CONTEXT[name]) for name in sorted(CONTEXT))
    data = header + len(CONTEXT).to_bytes(4, "big") + pairs
    label = b"strongroom aes-256-gcm message key v1"
    n = octets("n")
    message_key = hmac.digest(
        octets("key material"), b"\x00\x00\x00\x01" + label + b"\x00" + n + b"\x00\x00\x01\x00", "sha256"
    )
    sealed = AESGCM(message_key).encrypt(bytes(12), VECTOR["plaintext"].encode(), data)
    assert header + n + sealed == octets("ciphertext blob")
