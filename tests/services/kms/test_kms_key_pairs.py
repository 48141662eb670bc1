"""Asymmetric and HMAC keys: what they do, and what another implementation says to it."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.refusals import refused

from strongroom.services.kms.key_specs import KEY_SPECS, SIGN_VERIFY

SIGNING = [
    (spec, algorithm)
    for spec in ("RSA_2048", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "ML_DSA_44")
    for algorithm in KEY_SPECS[spec].algorithms[SIGN_VERIFY]
]


async def new_key(house: OpenedHouse, spec: str, usage: str, **more: Any) -> str:
    key_id: str = (await house.kms("CreateKey", KeySpec=spec, KeyUsage=usage, **more))["KeyMetadata"]["KeyId"]
    return key_id


def arn_of(key_id: str) -> str:
    return f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}"


def test_every_kind_describes_itself(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for spec in KEY_SPECS.values():
            if spec.name in ("RSA_3072", "RSA_4096"):
                continue  # They take seconds to make, and differ from RSA_2048 in their length only.
            for usage, algorithms in spec.algorithms.items():
                created = (await house.kms("CreateKey", KeySpec=spec.name, KeyUsage=usage))["KeyMetadata"]
                described = (await house.kms("DescribeKey", KeyId=created["KeyId"]))["KeyMetadata"]
                assert described == created
                assert (created["KeySpec"], created["KeyUsage"], created["KeyState"]) == (spec.name, usage, "Enabled")
                listed = {name: value for name, value in created.items() if name.endswith("Algorithms")}
                assert list(listed.values()) == [list(algorithms)]
                assert ("CurrentKeyMaterialId" in created) is (spec.name == "SYMMETRIC_DEFAULT")

    in_house(body)


@pytest.mark.parametrize(("spec", "algorithm"), SIGNING)
def test_a_signature_verifies_and_no_other_does(in_house: InHouse[None], spec: str, algorithm: str) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house, spec, SIGN_VERIFY)
        signed = await house.kms("Sign", KeyId=key_id, Message=b"the message", SigningAlgorithm=algorithm)
        assert (signed["KeyId"], signed["SigningAlgorithm"]) == (arn_of(key_id), algorithm)
        given = {"KeyId": key_id, "SigningAlgorithm": algorithm, "Signature": signed["Signature"]}
        answer = await house.kms("Verify", Message=b"the message", **given)
        assert answer == {"KeyId": arn_of(key_id), "SignatureValid": True, "SigningAlgorithm": algorithm}
        with refused("KMSInvalidSignatureException", ""):
            await house.kms("Verify", Message=b"another message", **given)
        for damaged in (signed["Signature"][:-1], b"x", signed["Signature"][::-1]):
            with refused("KMSInvalidSignatureException", ""):
                await house.kms("Verify", Message=b"the message", **given | {"Signature": damaged})
        if algorithm[-3:].isdecimal() and spec != "ML_DSA_44":
            digest = hashlib.new(f"sha{algorithm[-3:]}", b"the message").digest()
            assert (await house.kms("Verify", Message=digest, MessageType="DIGEST", **given))["SignatureValid"]
            with refused("ValidationException", f"Digest is invalid length for algorithm {algorithm}."):
                await house.kms("Verify", Message=digest[1:], MessageType="DIGEST", **given)

    in_house(body)


def test_ed25519_in_both_forms(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house, "ECC_NIST_EDWARDS25519", SIGN_VERIFY)
        digest = hashlib.sha512(b"message").digest()
        pure = {"KeyId": key_id, "SigningAlgorithm": "ED25519_SHA_512"}
        hashed = {"KeyId": key_id, "SigningAlgorithm": "ED25519_PH_SHA_512", "MessageType": "DIGEST"}
        signature = (await house.kms("Sign", Message=b"message", **pure))["Signature"]
        other = (await house.kms("Sign", Message=digest, **hashed))["Signature"]
        assert len(signature) == len(other) == 64
        assert (await house.kms("Verify", Message=b"message", Signature=signature, **pure))["SignatureValid"]
        assert (await house.kms("Verify", Message=digest, Signature=other, **hashed))["SignatureValid"]
        with refused("KMSInvalidSignatureException"):
            await house.kms("Verify", Message=digest, Signature=signature, **hashed)
        with refused("ValidationException"):
            await house.kms("Sign", Message=digest, MessageType="DIGEST", **pure)
        with refused("ValidationException"):
            await house.kms("Sign", Message=b"message", **hashed | {"MessageType": "RAW"})
        with refused("ValidationException", "Digest is invalid length for algorithm ED25519_PH_SHA_512."):
            await house.kms("Sign", Message=b"short", **hashed)
        public = serialization.load_der_public_key((await house.kms("GetPublicKey", KeyId=key_id))["PublicKey"])
        public.verify(signature, b"message")  # type: ignore[union-attr, call-arg]

    in_house(body)


def test_ml_dsa_with_a_digest_computed_elsewhere(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house, "ML_DSA_44", SIGN_VERIFY)
        public_key = (await house.kms("GetPublicKey", KeyId=key_id))["PublicKey"]
        assert len(public_key) == 1_334
        # FIPS 204: tr is SHAKE256 of the raw public key, mu that of tr, two zero bytes (no context) and the message.
        tr = hashlib.shake_256(public_key[-1_312:]).digest(64)
        mu = hashlib.shake_256(tr + b"\x00\x00" + b"message").digest(64)
        given = {"KeyId": key_id, "SigningAlgorithm": "ML_DSA_SHAKE_256"}
        signature = (await house.kms("Sign", Message=mu, MessageType="EXTERNAL_MU", **given))["Signature"]
        assert len(signature) == 2_420
        assert (await house.kms("Verify", Message=b"message", Signature=signature, **given))["SignatureValid"]
        with refused("ValidationException", "Message type DIGEST is incompatible with key spec ML_DSA_44."):
            await house.kms("Sign", Message=mu, MessageType="DIGEST", **given)
        with refused("ValidationException"):
            await house.kms("Sign", Message=mu[1:], MessageType="EXTERNAL_MU", **given)

    in_house(body)


def test_rsa_encrypts_what_it_can_hold(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house, "RSA_2048", "ENCRYPT_DECRYPT")
        for algorithm, longest in (("RSAES_OAEP_SHA_1", 214), ("RSAES_OAEP_SHA_256", 190)):
            given = {"KeyId": key_id, "EncryptionAlgorithm": algorithm}
            sealed = await house.kms("Encrypt", Plaintext=b"x" * longest, **given)
            assert sealed["EncryptionAlgorithm"] == algorithm
            opened = await house.kms("Decrypt", CiphertextBlob=sealed["CiphertextBlob"], **given)
            assert opened == {"KeyId": arn_of(key_id), "Plaintext": b"x" * longest, "EncryptionAlgorithm": algorithm}
            with refused(
                "ValidationException",
                f"Algorithm {algorithm} and key spec RSA_2048 cannot encrypt data larger than {longest} bytes.",
            ):
                await house.kms("Encrypt", Plaintext=b"x" * (longest + 1), **given)
            with refused("InvalidCiphertextException", ""):
                await house.kms("Decrypt", CiphertextBlob=sealed["CiphertextBlob"][::-1], **given)
            with refused("ValidationException"):
                await house.kms("Encrypt", Plaintext=b"x", EncryptionContext={"a": "b"}, **given)
        with refused("InvalidKeyUsageException", "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048."):
            await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
        with refused("InvalidCiphertextException"):
            await house.kms("Decrypt", CiphertextBlob=b"x" * 256, EncryptionAlgorithm="RSAES_OAEP_SHA_256")
        with refused(
            "InvalidKeyUsageException", f"{arn_of(key_id)} key usage is ENCRYPT_DECRYPT which is not valid for Sign."
        ):
            await house.kms("Sign", KeyId=key_id, Message=b"m", SigningAlgorithm="RSASSA_PSS_SHA_256")
        with refused("InvalidKeyUsageException"):
            await house.kms("GenerateDataKey", KeyId=key_id, KeySpec="AES_256")

    in_house(body)


def test_ciphertexts_move_between_kinds_of_keys(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        pair = await new_key(house, "RSA_2048", "ENCRYPT_DECRYPT")
        symmetric = (await house.kms("CreateKey"))["KeyMetadata"]
        oaep = "RSAES_OAEP_SHA_256"
        sealed = await house.kms("Encrypt", KeyId=pair, Plaintext=b"secret", EncryptionAlgorithm=oaep)
        moved = await house.kms(
            "ReEncrypt",
            CiphertextBlob=sealed["CiphertextBlob"],
            SourceKeyId=pair,
            SourceEncryptionAlgorithm=oaep,
            DestinationKeyId=symmetric["KeyId"],
            DestinationEncryptionContext={"a": "b"},
        )
        assert "SourceKeyMaterialId" not in moved
        assert moved["DestinationKeyMaterialId"] == symmetric["CurrentKeyMaterialId"]
        opened = await house.kms("Decrypt", CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"a": "b"})
        assert opened["Plaintext"] == b"secret"
        back = await house.kms(
            "ReEncrypt",
            CiphertextBlob=moved["CiphertextBlob"],
            SourceEncryptionContext={"a": "b"},
            DestinationKeyId=pair,
            DestinationEncryptionAlgorithm=oaep,
        )
        assert (back["SourceEncryptionAlgorithm"], back["DestinationEncryptionAlgorithm"]) == (
            "SYMMETRIC_DEFAULT",
            oaep,
        )
        opened = await house.kms("Decrypt", CiphertextBlob=back["CiphertextBlob"], KeyId=pair, EncryptionAlgorithm=oaep)
        assert opened["Plaintext"] == b"secret"

    in_house(body)


def test_two_parties_come_to_share_a_secret(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for spec, curve in (("ECC_NIST_P256", ec.SECP256R1()), ("ECC_NIST_P521", ec.SECP521R1())):
            key_id = await new_key(house, spec, "KEY_AGREEMENT")
            public = serialization.load_der_public_key((await house.kms("GetPublicKey", KeyId=key_id))["PublicKey"])
            mine = ec.generate_private_key(curve)
            encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            given = {"KeyId": key_id, "KeyAgreementAlgorithm": "ECDH"}
            answer = await house.kms(
                "DeriveSharedSecret", PublicKey=mine.public_key().public_bytes(encoding, form), **given
            )
            assert isinstance(public, ec.EllipticCurvePublicKey)
            assert answer == {
                "KeyId": arn_of(key_id),
                "SharedSecret": mine.exchange(ec.ECDH(), public),
                "KeyAgreementAlgorithm": "ECDH",
                "KeyOrigin": "AWS_KMS",
            }
            of_another_curve = ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(encoding, form)
            for wrong in (b"InvalidPublicKey", of_another_curve):
                with refused("ValidationException", ""):
                    await house.kms("DeriveSharedSecret", PublicKey=wrong, **given)

    in_house(body)


@pytest.mark.parametrize("spec", ["ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"])
def test_encapsulated_secrets(in_house: InHouse[None], spec: str) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house, spec, "ENCAPSULATE_DECAPSULATE")
        given = {"KeyId": key_id, "EncapsulationAlgorithm": "ML_KEM"}
        sealed = await house.kms("Encapsulate", **given)
        blob = sealed["SharedSecretCiphertextBlob"]
        opened = await house.kms("Decapsulate", SharedSecretCiphertextBlob=blob, **given)
        assert opened == {
            "KeyId": arn_of(key_id),
            "SharedSecret": sealed["SharedSecret"],
            "EncapsulationAlgorithm": "ML_KEM",
        }
        assert (await house.kms("Encapsulate", **given))["SharedSecret"] != sealed["SharedSecret"]
        another = await house.kms("Decapsulate", SharedSecretCiphertextBlob=blob[:-1] + bytes([blob[-1] ^ 1]), **given)
        assert another["SharedSecret"] != sealed["SharedSecret"]
        with refused("InvalidCiphertextException", ""):
            await house.kms("Decapsulate", SharedSecretCiphertextBlob=blob[1:], **given)

    in_house(body)


@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_macs(in_house: InHouse[None], bits: int) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house, f"HMAC_{bits}", "GENERATE_VERIFY_MAC")
        given = {"KeyId": key_id, "Message": b"message", "MacAlgorithm": f"HMAC_SHA_{bits}"}
        made = await house.kms("GenerateMac", **given)
        assert len(made["Mac"]) == bits // 8
        assert made == {"Mac": made["Mac"], "MacAlgorithm": f"HMAC_SHA_{bits}", "KeyId": arn_of(key_id)}
        answer = await house.kms("VerifyMac", Mac=made["Mac"], **given)
        assert answer == {"KeyId": arn_of(key_id), "MacValid": True, "MacAlgorithm": f"HMAC_SHA_{bits}"}
        for wrong in (made["Mac"][:-1], b"x", bytes(bits // 8)):
            with refused("KMSInvalidMacException", ""):
                await house.kms("VerifyMac", Mac=wrong, **given)
        other = "HMAC_SHA_256" if bits != 256 else "HMAC_SHA_512"
        with refused("InvalidKeyUsageException", f"Algorithm {other} is incompatible with key spec HMAC_{bits}."):
            await house.kms("GenerateMac", **given | {"MacAlgorithm": other})
        with refused("UnsupportedOperationException", ""):
            await house.kms("GetPublicKey", KeyId=key_id)

    in_house(body)


def test_public_keys(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house, "ECC_NIST_P256", SIGN_VERIFY)
        answer = await house.kms("GetPublicKey", KeyId=key_id)
        assert {name: value for name, value in answer.items() if name != "PublicKey"} == {
            "KeyId": arn_of(key_id),
            "KeySpec": "ECC_NIST_P256",
            "CustomerMasterKeySpec": "ECC_NIST_P256",
            "KeyUsage": SIGN_VERIFY,
            "SigningAlgorithms": ["ECDSA_SHA_256"],
        }
        symmetric = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        with refused("UnsupportedOperationException", ""):
            await house.kms("GetPublicKey", KeyId=symmetric)

    in_house(body)


def test_data_key_pairs(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        symmetric = (await house.kms("CreateKey"))["KeyMetadata"]
        for spec in ("RSA_2048", "ECC_NIST_P256", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "ML_KEM_768"):
            given = {"KeyId": symmetric["KeyId"], "KeyPairSpec": spec, "EncryptionContext": {"a": "b"}}
            made = await house.kms("GenerateDataKeyPair", **given)
            blob = made["PrivateKeyCiphertextBlob"]
            opened = await house.kms("Decrypt", CiphertextBlob=blob, EncryptionContext={"a": "b"})
            assert opened["Plaintext"] == made["PrivateKeyPlaintext"]
            assert (made["KeyPairSpec"], made["KeyMaterialId"]) == (spec, symmetric["CurrentKeyMaterialId"])
            with refused("InvalidCiphertextException", ""):
                await house.kms("Decrypt", CiphertextBlob=blob)
            private = serialization.load_der_private_key(made["PrivateKeyPlaintext"], None)
            encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            assert private.public_key().public_bytes(encoding, form) == made["PublicKey"]
            without = await house.kms("GenerateDataKeyPairWithoutPlaintext", **given)
            assert "PrivateKeyPlaintext" not in without
            assert without["PublicKey"] != made["PublicKey"]
        with refused("UnsupportedOperationException"):
            await house.kms("GenerateDataKeyPair", KeyId=symmetric["KeyId"], KeyPairSpec="SM2")
        with refused("DryRunOperationException"):
            await house.kms("GenerateDataKeyPair", **given, DryRun=True)

    in_house(body)


def test_kinds_that_do_not_go_with_a_usage(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for spec, usage in (
            ("RSA_2048", "KEY_AGREEMENT"),
            ("ECC_SECG_P256K1", "KEY_AGREEMENT"),
            ("ECC_NIST_EDWARDS25519", "KEY_AGREEMENT"),
            ("ECC_NIST_P256", "ENCRYPT_DECRYPT"),
            ("HMAC_256", SIGN_VERIFY),
            ("ML_DSA_65", "ENCAPSULATE_DECAPSULATE"),
            ("ML_KEM_768", SIGN_VERIFY),
        ):
            with refused("ValidationException", f"KeyUsage {usage} is not compatible with KeySpec {spec}"):
                await house.kms("CreateKey", KeySpec=spec, KeyUsage=usage)
        for spec in ("RSA_2048", "HMAC_256", "ML_KEM_768"):
            with refused("ValidationException"):
                await house.kms("CreateKey", KeySpec=spec)
        key_id = await new_key(house, "ECC_NIST_P384", SIGN_VERIFY)
        with refused(
            "InvalidKeyUsageException", "Algorithm ECDSA_SHA_256 is incompatible with key spec ECC_NIST_P384."
        ):
            await house.kms("Sign", KeyId=key_id, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
        for operation in ("EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand"):
            with refused("UnsupportedOperationException", ""):
                await house.kms(operation, KeyId=key_id)
        # Terraform asks this of every key that KMS made.
        answer = await house.kms("GetKeyRotationStatus", KeyId=key_id)
        assert answer == {"KeyId": arn_of(key_id), "KeyRotationEnabled": False}

    in_house(body)


def test_openssl_works_with_the_public_keys(in_house: InHouse[None], tmp_path: Path) -> None:
    """Outside of AWS, with no call to KMS: OpenSSL encrypts for a key, and verifies what another has signed."""

    def openssl(*arguments: str) -> str:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True, cwd=tmp_path)
        return done.stdout

    async def body(house: OpenedHouse) -> None:
        pair = await new_key(house, "RSA_2048", "ENCRYPT_DECRYPT")
        (tmp_path / "rsa.der").write_bytes((await house.kms("GetPublicKey", KeyId=pair))["PublicKey"])
        (tmp_path / "secret").write_bytes(b"from outside")
        oaep = ("rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256")
        options = [each for option in oaep for each in ("-pkeyopt", option)]
        openssl(
            *("pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", "rsa.der"),
            *("-in", "secret", "-out", "sealed", *options),
        )
        opened = await house.kms(
            "Decrypt",
            KeyId=pair,
            CiphertextBlob=(tmp_path / "sealed").read_bytes(),
            EncryptionAlgorithm="RSAES_OAEP_SHA_256",
        )
        assert opened["Plaintext"] == b"from outside"
        for spec, algorithm in (("ECC_NIST_P256", "ECDSA_SHA_256"), ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256")):
            signer = await new_key(house, spec, SIGN_VERIFY)
            (tmp_path / "signer.der").write_bytes((await house.kms("GetPublicKey", KeyId=signer))["PublicKey"])
            signed = await house.kms("Sign", KeyId=signer, Message=b"from outside", SigningAlgorithm=algorithm)
            (tmp_path / "signature").write_bytes(signed["Signature"])
            verify = (
                "dgst",
                "-sha256",
                "-keyform",
                "DER",
                "-verify",
                "signer.der",
                "-signature",
                "signature",
                "secret",
            )
            assert "Verified OK" in openssl(*verify)

    in_house(body)
