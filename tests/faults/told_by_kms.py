"""Every way in which a secret passes through KMS: what it was told, and what it told."""

import base64
import os
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.faults.secrets_on_disk import secret_parts
from tests.running_server import ROOT_SECRET_ACCESS_KEY, RunningServer
from tests.services.kms.importing import oaep

Secrets = dict[str, bytes]
KEY_MATERIALS = 12
"""How many key materials a server has in the end: those of the keys, one more for each rotation and each replica."""

ERASED = "erased key material"
OAEP = {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
CURVE_PAIR = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}


def refused(call: Callable[[], Any]) -> Any:
    """Return the error of a call that has to be refused."""
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]


def new_key(kms: Any, **asked: Any) -> str:
    """Return the id of a fresh key."""
    key_id: str = kms.create_key(**asked)["KeyMetadata"]["KeyId"]
    return key_id


def use_kms(server: RunningServer, canary: bytes) -> Secrets:
    """Use KMS in every way that lets a secret pass through it."""
    kms = server.client("kms")
    told: Secrets = {"the canary": canary, "the root secret access key": ROOT_SECRET_ACCESS_KEY.encode()}
    key_id, other_id = new_key(kms, Description="a public description"), new_key(kms)
    told |= use_symmetric_keys(kms, key_id, other_id, canary)
    told |= use_grants(kms, key_id)
    told |= use_data_key_pairs(kms, key_id)
    told |= use_key_pairs(kms, other_id, canary)
    told |= use_shared_secrets(kms)
    told |= import_material(kms)
    kms.disable_key(KeyId=other_id)
    refused(lambda: kms.encrypt(KeyId=other_id, Plaintext=canary))
    return told


def use_symmetric_keys(kms: Any, key_id: str, other_id: str, canary: bytes) -> Secrets:
    """Encrypt, rotate, decrypt, and be refused."""
    blob = kms.encrypt(KeyId=key_id, Plaintext=canary * 20, EncryptionContext={"a": "b"})["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=key_id)
    moved = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext={"a": "b"}, DestinationKeyId=other_id)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == canary * 20
    told: Secrets = {}
    for number in range(5):
        told[f"data key {number}"] = kms.generate_data_key(KeyId=key_id, NumberOfBytes=32 + number)["Plaintext"]
        told[f"random bytes {number}"] = kms.generate_random(NumberOfBytes=64)["Plaintext"]
    # What is refused passes through too, and in stranger ways: as a key id, as a name, in a message that quotes it.
    text = base64.b64encode(canary).decode()
    refused(lambda: kms.encrypt(KeyId=key_id, Plaintext=canary * 400))
    refused(lambda: kms.encrypt(KeyId=other_id, Plaintext=canary, EncryptionAlgorithm="NO_SUCH"))
    refused(lambda: kms.decrypt(CiphertextBlob=canary * 20))
    refused(lambda: kms.encrypt(KeyId="alias/no-such", Plaintext=canary))
    refused(lambda: kms.generate_data_key(KeyId=key_id, KeySpec=text))
    return told


def use_grants(kms: Any, key_id: str) -> Secrets:
    """Make, use and end a grant by its token."""
    root = "arn:aws:iam::000000000000:root"
    made = kms.create_grant(KeyId=key_id, GranteePrincipal=root, RetiringPrincipal=root, Operations=["Encrypt"])
    token = made["GrantToken"]
    kms.encrypt(KeyId=key_id, Plaintext=b"x", GrantTokens=[token])
    refused(lambda: kms.encrypt(KeyId=key_id, Plaintext=b"x", GrantTokens=[token, token[:-4] + "AAAA"]))
    kms.retire_grant(GrantToken=token)
    refused(lambda: kms.retire_grant(GrantToken=token))
    return {"a grant token": token.encode(), "what a grant token is of": base64.urlsafe_b64decode(token)}


def use_data_key_pairs(kms: Any, key_id: str) -> Secrets:
    """Have key pairs made for use elsewhere."""
    told: Secrets = {}
    for spec in ("RSA_2048", "ECC_NIST_P384", "ECC_NIST_EDWARDS25519"):
        made = kms.generate_data_key_pair(KeyId=key_id, KeyPairSpec=spec)
        opened = kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"])["Plaintext"]
        assert opened == made["PrivateKeyPlaintext"]
        told |= {f"{spec} data key pair, {part}": value for part, value in secret_parts(opened).items()}
    kms.generate_data_key_pair_without_plaintext(KeyId=key_id, KeyPairSpec="ECC_NIST_P256")
    return told


def use_key_pairs(kms: Any, other_id: str, canary: bytes) -> Secrets:
    """Encrypt, sign and authenticate with keys that are not symmetric."""
    pair = new_key(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    sealed = kms.encrypt(KeyId=pair, Plaintext=canary * 5, **OAEP)["CiphertextBlob"]
    assert kms.decrypt(KeyId=pair, CiphertextBlob=sealed, **OAEP)["Plaintext"] == canary * 5
    kms.re_encrypt(
        CiphertextBlob=sealed,
        SourceKeyId=pair,
        SourceEncryptionAlgorithm="RSAES_OAEP_SHA_256",
        DestinationKeyId=other_id,
    )
    refused(lambda: kms.encrypt(KeyId=pair, Plaintext=canary * 10, **OAEP))
    refused(lambda: kms.decrypt(KeyId=pair, CiphertextBlob=(canary * 8)[:256], **OAEP))
    signer = new_key(kms, MultiRegion=True, **CURVE_PAIR)
    given = {"KeyId": signer, "Message": canary, "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(**given)["Signature"]
    assert kms.verify(**given, Signature=signature)["SignatureValid"]
    refused(lambda: kms.verify(**given, Signature=signature[:-1]))
    refused(lambda: kms.sign(**given | {"MessageType": "DIGEST", "Message": canary * 2}))
    kms.replicate_key(KeyId=signer, ReplicaRegion="eu-west-1")
    authenticator = new_key(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    given = {"KeyId": authenticator, "Message": canary, "MacAlgorithm": "HMAC_SHA_256"}
    mac = kms.generate_mac(**given)["Mac"]
    assert kms.verify_mac(**given, Mac=mac)["MacValid"]
    refused(lambda: kms.verify_mac(**given, Mac=canary))
    return {"an HMAC": mac}


def use_shared_secrets(kms: Any) -> Secrets:
    """Derive a secret from another's public key, and encapsulate one."""
    own = ec.generate_private_key(ec.SECP256R1())
    key_id = new_key(kms, KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    derived = kms.derive_shared_secret(
        KeyId=key_id,
        KeyAgreementAlgorithm="ECDH",
        PublicKey=own.public_key().public_bytes(serialization.Encoding.DER, form),
    )["SharedSecret"]
    theirs = serialization.load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])
    assert isinstance(theirs, ec.EllipticCurvePublicKey)
    assert own.exchange(ec.ECDH(), theirs) == derived
    given = {"KeyId": new_key(kms, KeySpec="ML_KEM_768", KeyUsage="ENCAPSULATE_DECAPSULATE")}
    given["EncapsulationAlgorithm"] = "ML_KEM"
    made = kms.encapsulate(**given)
    opened = kms.decapsulate(**given, SharedSecretCiphertextBlob=made["SharedSecretCiphertextBlob"])
    assert opened["SharedSecret"] == made["SharedSecret"]
    refused(lambda: kms.decapsulate(**given, SharedSecretCiphertextBlob=made["SharedSecret"]))
    return {"a derived secret": derived, "an encapsulated secret": made["SharedSecret"]}


def import_material(kms: Any) -> Secrets:
    """Import key material of several kinds, have some erased, and some refused."""
    curve_key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    told: Secrets = {
        "imported key material": os.urandom(32),
        "imported key material to rotate to": os.urandom(32),
        ERASED: os.urandom(32),
        "key material of the wrong length": os.urandom(48),
    }
    symmetric, short_lived, unlucky = (new_key(kms, Origin="EXTERNAL") for _ in range(3))
    told |= imported(kms, symmetric, told["imported key material"], "RSAES_OAEP_SHA_256")
    told |= imported(kms, symmetric, told["imported key material to rotate to"], ImportType="NEW_KEY_MATERIAL")
    kms.rotate_key_on_demand(KeyId=symmetric)
    told |= imported(kms, short_lived, told[ERASED])
    kms.delete_imported_key_material(KeyId=short_lived)
    refused(lambda: imported(kms, unlucky, told["key material of the wrong length"]))
    told |= imported(kms, new_key(kms, Origin="EXTERNAL", **CURVE_PAIR), curve_key)
    return told | {f"an imported private key, {part}": value for part, value in secret_parts(curve_key).items()}


def imported(
    kms: Any, key_id: str, material: bytes, algorithm: str = "RSA_AES_KEY_WRAP_SHA_256", **more: Any
) -> Secrets:
    """Import key material; return what it was wrapped with and in. What is damaged is refused first."""
    asked = {"KeyId": key_id, "WrappingAlgorithm": algorithm, "WrappingKeySpec": "RSA_2048"}
    given = kms.get_parameters_for_import(**asked)
    public_key = serialization.load_der_public_key(given["PublicKey"])
    assert isinstance(public_key, rsa.RSAPublicKey)
    aes_key = os.urandom(32)
    if algorithm.startswith("RSA_AES"):
        wrapped = public_key.encrypt(aes_key, oaep(algorithm)) + keywrap.aes_key_wrap_with_padding(aes_key, material)
    else:
        wrapped = public_key.encrypt(material, oaep(algorithm))
    request = {"KeyId": key_id, "ImportToken": given["ImportToken"], "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    refused(lambda: kms.import_key_material(**request, EncryptedKeyMaterial=wrapped[:-1], **more))
    refused(lambda: kms.import_key_material(**request, EncryptedKeyMaterial=material, **more))
    kms.import_key_material(**request, EncryptedKeyMaterial=wrapped, **more)
    of_it = f"of the import of {material[:4].hex()}"
    return {
        f"the AES key {of_it}": aes_key,
        f"the wrapped key material {of_it}": wrapped,
        f"the token {of_it}": given["ImportToken"],
    }
