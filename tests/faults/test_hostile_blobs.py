"""Blobs that are not what they should be, where an operation expects a key, a signature or a ciphertext."""

import base64
import os
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from tests.faults.generated_values import as_base64
from tests.faults.plain_client import PlainClient
from tests.running_server import RunningServer
from tests.services.kms.importing import wrap

OAEP = "RSAES_OAEP_SHA_256"
WRAPPING = "RSA_AES_KEY_WRAP_SHA_256"
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
PUBLIC, PRIVATE = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PrivateFormat.PKCS8
OLD_PRIVATE = serialization.PrivateFormat.TraditionalOpenSSL
CLEAR = serialization.NoEncryption()
LOCKED = serialization.BestAvailableEncryption(b"a password")

CURVE_KEY = ec.generate_private_key(ec.SECP256R1())
SPKI = CURVE_KEY.public_key().public_bytes(DER, PUBLIC)
PKCS8 = CURVE_KEY.private_bytes(DER, PRIVATE, CLEAR)
OTHER_SPKI = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(DER, PUBLIC)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

NO_KEYS = {
    "a byte": b"0",
    "an empty sequence": b"\x30\x00",
    "a length beyond the end": b"\x30\x84\xff\xff\xff\xff",
    "an endless length": b"\x30\x80" * 2_000,
    "many sequences": b"\x30\x82\x10\x00" * 1_000,
    "a long identifier": b"\x30\x82\x0f\xa4\x06\x82\x0f\xa0" + b"\xff" * 4_000,
    "noise": os.urandom(4_000),
}
"""What is no key at all."""

OTHER_PUBLIC_KEYS = {
    "in PEM": CURVE_KEY.public_key().public_bytes(PEM, PUBLIC),
    "with a byte more": SPKI + b"\x00",
    "with a byte less": SPKI[:-1],
    "a private key": PKCS8,
    "the point at infinity": b"\x30\x19" + SPKI[2:23] + b"\x03\x02\x00\x00",
    "a point that is on no curve": SPKI[:-1] + bytes([SPKI[-1] ^ 1]),
    "the point of nothing": SPKI[:-64] + bytes(64),
    "another curve": ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(DER, PUBLIC),
    "a curve of the same size": ec.generate_private_key(ec.SECP256K1()).public_key().public_bytes(DER, PUBLIC),
    "RSA": rsa.generate_private_key(65537, 2048).public_key().public_bytes(DER, PUBLIC),
    "X25519": x25519.X25519PrivateKey.generate().public_key().public_bytes(DER, PUBLIC),
}

OTHER_PRIVATE_KEYS = {
    "in PEM": CURVE_KEY.private_bytes(PEM, PRIVATE, CLEAR),
    "in an older form": CURVE_KEY.private_bytes(DER, OLD_PRIVATE, CLEAR),
    "with a password": CURVE_KEY.private_bytes(DER, PRIVATE, LOCKED),
    "with a byte more": PKCS8 + b"\x00",
    "with a byte less": PKCS8[:-1],
    "a public key": SPKI,
    "a scalar of zero": PKCS8[:36] + bytes(32) + PKCS8[68:],
    "a scalar as large as the order": PKCS8[:36] + P256_ORDER.to_bytes(32) + PKCS8[68:],
    "another public key in it": PKCS8[:-64] + OTHER_SPKI[-64:],
    "another curve": ec.generate_private_key(ec.SECP384R1()).private_bytes(DER, PRIVATE, CLEAR),
    "Ed25519": ed25519.Ed25519PrivateKey.generate().private_bytes(DER, PRIVATE, CLEAR),
}


@pytest.fixture
def client(unharmed: RunningServer) -> Iterator[PlainClient]:
    connected = PlainClient(unharmed)
    yield connected
    connected.close()


def new_key(client: PlainClient, spec: str, usage: str, **more: Any) -> str:
    created = client.kms("CreateKey", {"KeySpec": spec, "KeyUsage": usage, **more})
    key_id: str = created.json["KeyMetadata"]["KeyId"]
    return key_id


def refusal(client: PlainClient, operation: str, request: dict[str, Any]) -> str:
    answer = client.kms(operation, request)
    assert answer.status == 400, (operation, answer)
    return answer.code


def test_public_keys_to_agree_with(client: PlainClient) -> None:
    key_id = new_key(client, "ECC_NIST_P256", "KEY_AGREEMENT")
    request = {"KeyId": key_id, "KeyAgreementAlgorithm": "ECDH"}
    assert client.kms("DeriveSharedSecret", {**request, "PublicKey": as_base64(SPKI)}).status == 200
    for what, public_key in {**NO_KEYS, **OTHER_PUBLIC_KEYS}.items():
        code = refusal(client, "DeriveSharedSecret", {**request, "PublicKey": as_base64(public_key)})
        assert code == "ValidationException", what


def test_private_keys_to_import(client: PlainClient) -> None:
    key_id = new_key(client, "ECC_NIST_P256", "SIGN_VERIFY", Origin="EXTERNAL")
    asked = {"KeyId": key_id, "WrappingAlgorithm": WRAPPING, "WrappingKeySpec": "RSA_2048"}
    given = client.kms("GetParametersForImport", asked).json
    request = {
        "KeyId": key_id,
        "ImportToken": given["ImportToken"],
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    }

    def importing(material: bytes) -> dict[str, str]:
        return request | {
            "EncryptedKeyMaterial": as_base64(wrap(base64.b64decode(given["PublicKey"]), WRAPPING, material))
        }

    for what, material in {**NO_KEYS, **OTHER_PRIVATE_KEYS}.items():
        assert refusal(client, "ImportKeyMaterial", importing(material)) == "IncorrectKeyMaterialException", what
    for length in (1, 255, 256, 257, 264, 272, 6_144):
        code = refusal(client, "ImportKeyMaterial", request | {"EncryptedKeyMaterial": as_base64(os.urandom(length))})
        assert code == "InvalidCiphertextException", length
    for token in (b"x", os.urandom(2_000), base64.b64decode(given["ImportToken"])[:-1]):
        code = refusal(client, "ImportKeyMaterial", importing(PKCS8) | {"ImportToken": as_base64(token)})
        assert code == "InvalidImportTokenException"
    assert client.kms("ImportKeyMaterial", importing(PKCS8)).status == 200


def test_signatures_and_ciphertexts_of_every_length(client: PlainClient) -> None:
    lengths = (1, 2, 63, 64, 65, 72, 255, 256, 257, 768, 1_088, 6_144)
    blobs = [*(os.urandom(length) for length in lengths), *(bytes(length) for length in lengths)]
    opener = {"KeyId": new_key(client, "RSA_2048", "ENCRYPT_DECRYPT"), "EncryptionAlgorithm": OAEP}
    decapsulator = {
        "KeyId": new_key(client, "ML_KEM_512", "ENCAPSULATE_DECAPSULATE"),
        "EncapsulationAlgorithm": "ML_KEM",
    }
    authenticator = {"KeyId": new_key(client, "HMAC_512", "GENERATE_VERIFY_MAC"), "MacAlgorithm": "HMAC_SHA_512"}
    signers = [
        {"KeyId": new_key(client, spec, "SIGN_VERIFY"), "SigningAlgorithm": algorithm, "Message": "eHl6"}
        for spec, algorithm in (
            ("RSA_2048", "RSASSA_PSS_SHA_512"),
            ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256"),
            ("ECC_SECG_P256K1", "ECDSA_SHA_256"),
            ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512"),
            ("ML_DSA_44", "ML_DSA_SHAKE_256"),
        )
    ]
    for blob in map(as_base64, blobs):
        assert refusal(client, "Decrypt", {**opener, "CiphertextBlob": blob}) == "InvalidCiphertextException"
        mac = {**authenticator, "Message": "eHl6", "Mac": blob}
        assert refusal(client, "VerifyMac", mac) == "KMSInvalidMacException"
        for signer in signers:
            assert refusal(client, "Verify", {**signer, "Signature": blob}) == "KMSInvalidSignatureException"
        # One of the right length opens to something, whatever it is; that tells nobody anything.
        answer = client.kms("Decapsulate", {**decapsulator, "SharedSecretCiphertextBlob": blob})
        is_of_the_right_length = len(base64.b64decode(blob)) == 768
        assert answer.code == ("" if is_of_the_right_length else "InvalidCiphertextException")
