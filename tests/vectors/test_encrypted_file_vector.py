"""The encrypted file in `docs/formats.md`: read by the words of the document, and opened by the code."""

import base64
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384, SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.client.messages.encrypted_data_key import EncryptedDataKey
from strongroom.client.messages.materials import DecryptionMaterials
from strongroom.client.messages.reader import open_message

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats.md"
BLOCK = re.search(r"^```vector-file\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
assert BLOCK is not None
VECTOR = dict(line.split(": ", 1) for line in BLOCK.group(1).splitlines())


def octets(name: str) -> bytes:
    text = VECTOR[name]
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode()


def sized(*texts: bytes) -> bytes:
    return b"".join(len(text).to_bytes(2) + text for text in texts)


def test_by_the_words_of_the_document() -> None:
    message, message_id, suite = octets("message"), octets("message id"), bytes.fromhex("0578")

    def derived(info: bytes) -> bytes:
        return HKDF(SHA512(), 32, message_id, info).derive(octets("data key"))

    encryption_key, commitment = derived(suite + b"DERIVEKEY"), derived(b"COMMITKEY")
    assert (encryption_key, commitment) == (octets("encryption key"), octets("commitment"))
    pairs = sized(b"aws-crypto-public-key", octets("public key"), b"project", b"apollo")
    header = b"\x02" + suite + message_id + sized(b"\x00\x02" + pairs)
    header += b"\x00\x01" + sized(b"aws-kms", octets("key"), octets("encrypted data key"))
    header += b"\x02" + int(VECTOR["frame length"]).to_bytes(4) + commitment
    cipher, plaintext = AESGCM(encryption_key), octets("plaintext")
    made = header + cipher.encrypt(bytes(12), b"", header)
    for number, kind, frame in ((1, b"Frame", plaintext[:16]), (2, b"Final Frame", plaintext[16:])):
        nonce = number.to_bytes(12)
        aad = message_id + b"AWSKMSEncryptionClient " + kind + number.to_bytes(4) + len(frame).to_bytes(8)
        last = kind == b"Final Frame"
        made += (b"\xff\xff\xff\xff" if last else b"") + number.to_bytes(4) + nonce
        made += (len(frame).to_bytes(4) if last else b"") + cipher.encrypt(nonce, frame, aad)
    assert message.startswith(made)
    signature = message[len(made) + 2 :]
    assert message[len(made) :] == sized(signature)
    point = base64.b64decode(VECTOR["public key"])
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), point).verify(signature, made, ec.ECDSA(SHA384()))


def test_the_code_opens_it() -> None:
    encrypted = EncryptedDataKey.of_kms(VECTOR["key"], octets("encrypted data key"))
    found = open_message(octets("message"), lambda header: DecryptionMaterials(octets("data key"), encrypted))
    assert found.plaintext == octets("plaintext")
    assert found.header.encrypted_data_keys == (encrypted,)
    assert found.header.encryption_context["project"] == "apollo"
