"""The vectors in `docs/formats.md` are what the code makes, and what it opens.

Each is also computed a second time from the document's words with plain HMAC and AES-GCM, so that code and document
cannot be wrong together.
"""

import hashlib
import hmac
import re
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.softhsm import put_key

from strongroom.crypto.aead import DerivedKeyAead
from strongroom.crypto.passphrase import Argon2idParameters, derive_key
from strongroom.envelope.keyring import Keyring, KeyringRow, row_aad
from strongroom.envelope.root import KeyFileRoot, PassphraseRoot
from strongroom.envelope.root.key_file import decode, encode
from strongroom.envelope.root.pkcs11 import Pkcs11Root
from strongroom.envelope.sealed import Sealer, header_of
from strongroom.envelope.streams import StreamSealer, open_object
from strongroom.hsm.token import open_token

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats.md"


def vectors() -> dict[str, dict[str, str]]:
    blocks = re.findall(r"^```vector-([a-z-]+)\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    return {name: dict(line.split(": ", 1) for line in body.splitlines()) for name, body in blocks}


VECTORS = vectors()


def field(vector: str, name: str) -> bytes:
    text = VECTORS[vector][name]
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode()


def as_documented(key: bytes, n: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Encrypt a message by the words of the document alone."""
    label = b"strongroom aes-256-gcm message key v1"
    message_key = hmac.digest(key, b"\x00\x00\x00\x01" + label + b"\x00" + n + b"\x00\x00\x01\x00", "sha256")
    return n + AESGCM(message_key).encrypt(bytes(12), plaintext, aad)


class OpensRing:
    """A root key source of this test that wraps nothing and unwraps to the storage key of a vector."""

    fingerprint = "vector:00"
    public_parameters = ""
    likely_cause = ""

    def __init__(self, storage_key: bytes) -> None:
        self._storage_key = storage_key

    def wrap(self, plaintext: bytes, aad: bytes) -> bytes:
        return plaintext

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        return self._storage_key


def test_the_document_has_every_vector():
    sealing = {"message", "key-file", "passphrase", "token-key", "keyring-row", "keyring-row-in-token", "sealed"}
    objects = {"object", "object-two-layers"}
    kms = {"kms-ciphertext", "kms-grant-token", "external-key", "key-store-ciphertexts"}
    services = {"advanced-secure-string", "secret-value", "log-batch", "environment-variables"}
    clients = {"file"}
    assert set(VECTORS) == sealing | objects | kms | services | clients


def test_encrypted_message():
    key, n, plaintext, aad, message_key, message = (
        field("message", name) for name in ("key", "n", "plaintext", "additional data", "message key", "message")
    )
    assert DerivedKeyAead(key).unsafe_encrypt_with_n(n, plaintext, aad) == message
    assert DerivedKeyAead(key).decrypt(message, aad) == plaintext
    assert as_documented(key, n, plaintext, aad) == message
    assert n + AESGCM(message_key).encrypt(bytes(12), plaintext, aad) == message


def test_key_file(tmp_path):
    key, line = field("key-file", "key"), field("key-file", "line")
    assert encode(key) == line + b"\n"
    assert decode(line) == key
    assert line.split(b":")[3].decode() == hashlib.sha256(b"strongroom-root-key:v1:" + key).hexdigest()[:8]
    path = tmp_path / "root.key"
    path.write_bytes(line)
    path.chmod(0o600)
    fingerprint = VECTORS["key-file"]["fingerprint"]
    assert KeyFileRoot.load(path).fingerprint == fingerprint
    block = hmac.digest(key, b"\0\0\0\1strongroom root key: fingerprint v1\0\0\0\0\x80", "sha256")
    assert fingerprint == "key-file:" + block[:16].hex()


def test_passphrase_parameters():
    passphrase, parameters = VECTORS["passphrase"]["passphrase"], VECTORS["passphrase"]["parameters"]
    assert str(Argon2idParameters.parse(parameters)) == parameters
    assert derive_key(passphrase, Argon2idParameters.parse(parameters)) == field("passphrase", "key")
    fingerprint = VECTORS["passphrase"]["fingerprint"]
    assert PassphraseRoot.load(passphrase, parameters).fingerprint == fingerprint
    assert fingerprint == "passphrase:" + hashlib.sha256(parameters.encode()).hexdigest()[:32]


def test_keyring_row(tmp_path):
    root_key, storage_key, n = (field("keyring-row", name) for name in ("root key", "storage key", "n"))
    wrapping_key, wrapped, text = (
        field("keyring-row", name) for name in ("wrapping key", "wrapped", "additional text")
    )
    number, created_at = int(VECTORS["keyring-row"]["number"]), int(VECTORS["keyring-row"]["created_at"])
    assert row_aad(number, created_at) == text
    assert wrapping_key == hmac.digest(root_key, b"\0\0\0\1strongroom root key: wrap v1\0\0\0\1\0", "sha256")
    assert b"\x01" + as_documented(wrapping_key, n, storage_key, b"\x01" + text) == wrapped
    assert len(wrapped) == 65
    root = KeyFileRoot(root_key, tmp_path / "root.key")
    keyring = Keyring.load([KeyringRow(number, created_at, root.fingerprint, "", wrapped)], root)
    blob = DerivedKeyAead(storage_key).encrypt(b"opened with the vector's storage key", b"")
    assert keyring.aead(number).decrypt(blob, b"") == b"opened with the vector's storage key"


def test_root_key_in_a_token(token_login):
    parameters, label = VECTORS["token-key"]["parameters"], VECTORS["token-key"]["token"]
    key_id = field("token-key", "id")
    root = Pkcs11Root(replace(token_login, label=label), key_id)
    assert root.public_parameters == parameters
    assert root.fingerprint == VECTORS["token-key"]["fingerprint"]
    assert root.fingerprint == "pkcs11:" + hashlib.sha256(key_id).hexdigest()[:32]
    escaped = "".join(f"%{byte:02X}" for byte in key_id)
    assert parameters == f"pkcs11:token={label.replace(' ', '%20')};id={escaped};type=secret-key"


def test_keyring_row_in_a_token(token_login):
    root_key, storage_key, iv, text, wrapped = (
        field("keyring-row-in-token", name) for name in ("root key", "storage key", "iv", "additional text", "wrapped")
    )
    number, created_at = (int(VECTORS["keyring-row-in-token"][name]) for name in ("number", "created_at"))
    assert row_aad(number, created_at) == text
    assert b"\x02" + iv + AESGCM(root_key).encrypt(iv, storage_key, b"\x02" + text) == wrapped
    assert len(wrapped) == 61
    with open_token(token_login) as token:
        root = Pkcs11Root.of_key(token_login, put_key(token, root_key))
    keyring = Keyring.load([KeyringRow(number, created_at, root.fingerprint, root.public_parameters, wrapped)], root)
    blob = DerivedKeyAead(storage_key).encrypt(b"opened with the vector's storage key", b"")
    assert keyring.aead(number).decrypt(blob, b"") == b"opened with the vector's storage key"


def test_sealed_value():
    storage_key, n, place, plaintext, sealed = (
        field("sealed", name) for name in ("storage key", "n", "place", "plaintext", "sealed")
    )
    number = int(VECTORS["sealed"]["number"])
    header = b"SR\x01\x01" + number.to_bytes(4)
    assert header_of(number) == header
    assert header + as_documented(storage_key, n, plaintext, header + place) == sealed
    assert len(sealed) == len(plaintext) + 40
    rows = [KeyringRow(number, 0, OpensRing.fingerprint, "", b"")]
    sealer = Sealer(Keyring.load(rows, OpensRing(storage_key)))
    assert sealer.open(sealed, place.decode()) == plaintext
    assert sealer.seal(plaintext, place.decode())[:8] == sealed[:8]


def layer_as_documented(data_key: bytes, n: bytes, segment_size: int, place: bytes) -> tuple[bytes, bytes, AESGCM]:
    """Return the header, the derived bytes and the cipher of one layer, by the words of the document alone."""
    start = b"SO\x01\x01" + segment_size.to_bytes(4)
    fixed = b"strongroom aes-256-gcm stream v1\0" + n + start[4:] + start[:4] + place + b"\0\0\2\0"
    derived = b"".join(hmac.digest(data_key, counter.to_bytes(4) + fixed, "sha256") for counter in (1, 2))
    return start + n + derived[32:], derived, AESGCM(derived[:32])


def segments_as_documented(cipher: AESGCM, segments: list[bytes]) -> list[bytes]:
    nonces = [
        index.to_bytes(11) + (b"\x01" if index == len(segments) - 1 else b"\x00") for index in range(len(segments))
    ]
    return [cipher.encrypt(nonce, segment, b"") for nonce, segment in zip(nonces, segments, strict=True)]


def as_sealed(keys: list[bytes], ns: list[bytes], place: str, segments: list[bytes]) -> bytes:
    sealer = StreamSealer.unsafe_with_n(keys, ns, place, 16)
    sealed = sealer.header
    for index, segment in enumerate(segments):
        room = bytearray(len(segment) + 16 * len(keys))
        sealer.seal_into(segment, room, is_last=index == len(segments) - 1)
        sealed += room
    return sealed


def test_sealed_object():
    key, n, place, plaintext, sealed, empty = (
        field("object", name) for name in ("data key", "n", "place", "plaintext", "object", "empty object")
    )
    assert VECTORS["object"]["segment size"] == "16"
    header, derived, cipher = layer_as_documented(key, n, 16, place)
    assert derived == field("object", "cipher key") + field("object", "commitment")
    segments = [plaintext[:16], plaintext[16:]]
    assert header + b"".join(segments_as_documented(cipher, segments)) == sealed
    assert header + b"".join(segments_as_documented(cipher, [b""])) == empty
    assert len(sealed) == 56 + len(plaintext) + 16 * 2
    assert len(empty) == 56 + 16
    assert as_sealed([key], [n], place.decode(), segments) == sealed
    assert as_sealed([key], [n], place.decode(), [b""]) == empty
    assert open_object(sealed, [key], place.decode()) == plaintext
    assert open_object(empty, [key], place.decode()) == b""


def test_sealed_object_in_two_layers():
    inner_key, outer_key, inner_n, outer_n, place, plaintext, sealed = (
        field("object-two-layers", name)
        for name in ("inner data key", "outer data key", "inner n", "outer n", "place", "plaintext", "object")
    )
    segments = [plaintext[:16], plaintext[16:]]
    inner_header, _, inner = layer_as_documented(inner_key, inner_n, 16, place)
    outer_header, _, outer = layer_as_documented(outer_key, outer_n, 16 + 16, place)
    once = segments_as_documented(inner, segments)
    assert outer_header + inner_header + b"".join(segments_as_documented(outer, once)) == sealed
    assert inner_header + b"".join(once) == field("object", "object")
    keys = [inner_key, outer_key]
    assert as_sealed(keys, [inner_n, outer_n], place.decode(), segments) == sealed
    assert open_object(sealed, keys, place.decode()) == plaintext


@pytest.mark.parametrize(
    "heading",
    [
        "Encrypted message",
        "Key file",
        "Passphrase parameters",
        "Root key in a PKCS#11 token",
        "Keyring row",
        "Sealed value",
        "Sealed object",
        "Sealed object in two layers",
    ],
)
def test_every_format_ends_with_its_vector(heading):
    section = DOCUMENT.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    assert section.rstrip().endswith("```")
    assert "```vector-" in section
