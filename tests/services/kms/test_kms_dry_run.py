"""DryRun: permission first, then validity, and never a result."""

import json
from typing import Any

from tests.services.refusals import refused

WOULD = ("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")


def test_what_would_succeed(kms: Any, key_id: str) -> None:
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    for attempt in (
        lambda: kms.encrypt(KeyId=key_id, Plaintext=b"x", DryRun=True),
        lambda: kms.decrypt(CiphertextBlob=blob, DryRun=True),
        lambda: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key_id, DryRun=True),
        lambda: kms.generate_data_key(KeyId=key_id, NumberOfBytes=8, DryRun=True),
        lambda: kms.generate_data_key_without_plaintext(KeyId=key_id, DryRun=True),
    ):
        with refused(*WOULD):
            attempt()
    assert kms.encrypt(KeyId=key_id, Plaintext=b"x", DryRun=False)["CiphertextBlob"]


def test_what_would_fail_says_why(kms: Any, key_id: str) -> None:
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"not": "it"}, DryRun=True)
    with refused("InvalidCiphertextException"):
        kms.re_encrypt(CiphertextBlob=blob[:-1] + b"?", DestinationKeyId=key_id, DryRun=True)
    with refused("ValidationException"):
        kms.generate_data_key(KeyId=key_id, DryRun=True)
    kms.disable_key(KeyId=key_id)
    with refused("DisabledException"):
        kms.encrypt(KeyId=key_id, Plaintext=b"x", DryRun=True)


def test_a_ciphertext_may_be_left_out_of_it(kms: Any, key_id: str) -> None:
    ignoring: dict[str, Any] = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    for blob in ({}, {"CiphertextBlob": b"no ciphertext at all"}):
        with refused(*WOULD):
            kms.decrypt(KeyId=key_id, **blob, **ignoring)
        with refused(*WOULD):
            kms.re_encrypt(SourceKeyId=key_id, DestinationKeyId=key_id, **blob, **ignoring)
    with refused("ValidationException"):
        kms.decrypt(**ignoring)
    with refused("ValidationException", "CiphertextBlob is required."):
        kms.decrypt(KeyId=key_id, DryRunModifiers=["IGNORE_CIPHERTEXT"])


def test_permission_comes_before_validity(kms: Any, key_id: str) -> None:
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    account = kms.describe_key(KeyId=key_id)["KeyMetadata"]["AWSAccountId"]
    allow = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Principal": "*", "Action": ["kms:Decrypt", "kms:Encrypt"], "Resource": "*"}
    kms.put_key_policy(KeyId=key_id, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]}))
    kms.disable_key(KeyId=key_id)
    for damaged in (blob, blob[:-1] + b"?", b"no ciphertext at all"):
        with refused("AccessDeniedException"):
            kms.decrypt(CiphertextBlob=damaged, KeyId=key_id, DryRun=True)
    with refused("AccessDeniedException"):
        kms.encrypt(KeyId=key_id, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_1", DryRun=True)
