"""Keys that work outside of KMS too: the AWS CLI and OpenSSL on the command line, boto3 and the `cryptography` library.

Source of the command lines: AWS KMS Developer Guide, "Importing key material for AWS KMS keys" and "Download public
key".
"""

import hmac
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from tests.clients.shell import Shell
from tests.services.kms.importing import wrap

LETTER = "Straße\n".encode() * 3
OAEP_OPTIONS = "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256"


def test_openssl_verifies_what_kms_signs(shell: Shell) -> None:
    (shell.home / "letter").write_bytes(LETTER)
    done = shell.run("""
        key=$(aws kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY \
            --query KeyMetadata.KeyId --output text)
        aws kms sign --key-id "$key" --message fileb://letter --message-type RAW --signing-algorithm ECDSA_SHA_256 \
            --query Signature --output text | base64 -d > signature
        aws kms get-public-key --key-id "$key" --query PublicKey --output text | base64 -d > public.der
        openssl dgst -sha256 -keyform DER -verify public.der -signature signature letter
        openssl dgst -sha256 -binary letter > digest
        aws kms verify --key-id "$key" --message fileb://digest --message-type DIGEST \
            --signing-algorithm ECDSA_SHA_256 --signature fileb://signature --query SignatureValid
        echo >> letter
        ! openssl dgst -sha256 -keyform DER -verify public.der -signature signature letter
    """)
    assert (done.returncode, done.stdout) == (0, "Verified OK\ntrue\nVerification failure\n"), done


def test_kms_opens_what_openssl_encrypts(shell: Shell) -> None:
    (shell.home / "letter").write_bytes(LETTER)
    done = shell.run(f"""
        key=$(aws kms create-key --key-spec RSA_2048 --key-usage ENCRYPT_DECRYPT \
            --query KeyMetadata.KeyId --output text)
        aws kms get-public-key --key-id "$key" --query PublicKey --output text | base64 -d > public.der
        openssl pkeyutl -encrypt -pubin -inkey public.der -keyform DER {OAEP_OPTIONS} -in letter -out sealed
        aws kms decrypt --key-id "$key" --ciphertext-blob fileb://sealed --encryption-algorithm RSAES_OAEP_SHA_256 \
            --query Plaintext --output text | base64 -d > opened
    """)
    assert done.returncode == 0, done
    assert (shell.home / "opened").read_bytes() == LETTER


def test_key_material_that_openssl_made_and_wrapped(shell: Shell, kms: Any) -> None:
    """Everything on the command line, with material that expires: the CLI sends the date, and shows it."""
    valid_to = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    script = f"""
        key=$(aws kms create-key --origin EXTERNAL --key-spec ECC_NIST_P384 --key-usage SIGN_VERIFY \
            --query KeyMetadata.KeyId --output text)
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp384r1 -outform DER -out pair.der
        openssl pkcs8 -topk8 -nocrypt -inform DER -in pair.der -outform DER -out material
        aws kms get-parameters-for-import --key-id "$key" --wrapping-algorithm RSA_AES_KEY_WRAP_SHA_256 \
            --wrapping-key-spec RSA_2048 --query '[ImportToken,PublicKey]' --output text > parameters
        cut -f 1 parameters | base64 -d > token
        cut -f 2 parameters | base64 -d > wrapping.der
        openssl rand -out aes 32
        openssl enc -id-aes256-wrap-pad -iv A65959A6 -K "$(od -An -v -tx1 aes | tr -d ' \\n')" \
            -in material -out wrapped-material
        openssl pkeyutl -encrypt -pubin -inkey wrapping.der -keyform DER {OAEP_OPTIONS} -in aes -out wrapped-aes
        cat wrapped-aes wrapped-material > wrapped
        aws kms import-key-material --key-id "$key" --import-token fileb://token \
            --encrypted-key-material fileb://wrapped --expiration-model KEY_MATERIAL_EXPIRES \
            --valid-to {valid_to.isoformat()} > imported
        aws kms describe-key --key-id "$key"
    """
    metadata = shell.answer(script)["KeyMetadata"]
    assert metadata["KeyState"] == "Enabled"
    assert datetime.fromtimestamp(metadata["ValidTo"], UTC) == valid_to
    pair = serialization.load_der_private_key((shell.home / "material").read_bytes(), None)
    assert isinstance(pair, ec.EllipticCurvePrivateKey)
    given = {"KeyId": metadata["KeyId"], "Message": LETTER, "SigningAlgorithm": "ECDSA_SHA_384"}
    pair.public_key().verify(kms.sign(**given)["Signature"], LETTER, ec.ECDSA(hashes.SHA384()))
    assert kms.verify(**given, Signature=pair.sign(LETTER, ec.ECDSA(hashes.SHA384())))["SignatureValid"]


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_1"])
def test_key_material_that_boto3_sends(kms: Any, algorithm: str) -> None:
    key_id = kms.create_key(Origin="EXTERNAL", KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"][
        "KeyId"
    ]
    material, valid_to = os.urandom(32), (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    asked = {"KeyId": key_id, "WrappingAlgorithm": algorithm, "WrappingKeySpec": "RSA_3072"}
    given = kms.get_parameters_for_import(**asked)
    assert timedelta(hours=23) < given["ParametersValidTo"] - datetime.now(UTC) <= timedelta(days=1)
    imported = kms.import_key_material(
        KeyId=key_id,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrap(given["PublicKey"], algorithm, material),
        ValidTo=valid_to,
        ExpirationModel="KEY_MATERIAL_EXPIRES",
    )
    assert imported["KeyId"].endswith(key_id)
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["ValidTo"] == valid_to
    own = hmac.digest(material, LETTER, "sha256")
    mac = kms.generate_mac(KeyId=key_id, Message=LETTER, MacAlgorithm="HMAC_SHA_256")["Mac"]
    assert mac == own


def test_a_data_key_pair_works_without_kms(kms: Any, key_id: str) -> None:
    made = kms.generate_data_key_pair(KeyId=key_id, KeyPairSpec="RSA_2048")
    private = serialization.load_der_private_key(made["PrivateKeyPlaintext"], None)
    public = serialization.load_der_public_key(made["PublicKey"])
    assert isinstance(private, rsa.RSAPrivateKey)
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(
        private.sign(LETTER, padding.PKCS1v15(), hashes.SHA256()), LETTER, padding.PKCS1v15(), hashes.SHA256()
    )
    assert kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"])["Plaintext"] == made["PrivateKeyPlaintext"]
