from strongroom.model.service import service_model


def test_plaintext_and_every_other_blob_are_dropped() -> None:
    encrypt = service_model("kms").operations["Encrypt"]
    params = {"KeyId": "k", "Plaintext": b"secret", "EncryptionContext": {"a": "b"}, "DryRun": False}
    assert encrypt.redacted(params) == {"KeyId": "k", "EncryptionContext": {"a": "b"}, "DryRun": False}
    assert params["Plaintext"] == b"secret"
    answer = {"KeyId": "arn", "CiphertextBlob": b"cipher", "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    assert encrypt.redacted_answer(answer) == {"KeyId": "arn", "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}


def test_sensitive_members_are_dropped_at_any_depth() -> None:
    assume = service_model("sts").operations["AssumeRole"]
    answer = {
        "Credentials": {"AccessKeyId": "ASIA", "SecretAccessKey": "hush", "SessionToken": "token"},
        "PackedPolicySize": 3,
        "AssumedRoleUser": {"AssumedRoleId": "x", "Arn": "y"},
    }
    redacted = assume.redacted_answer(answer)
    assert "hush" not in str(redacted)
    assert redacted["Credentials"]["AccessKeyId"] == "ASIA"
    assert redacted["AssumedRoleUser"] == answer["AssumedRoleUser"]


def test_custom_key_store_passwords_and_proxy_credentials_are_dropped() -> None:
    create = service_model("kms").operations["CreateCustomKeyStore"]
    redacted = create.redacted(
        {
            "CustomKeyStoreName": "n",
            "KeyStorePassword": "hush",
            "XksProxyAuthenticationCredential": {"AccessKeyId": "hush", "RawSecretAccessKey": "hush"},
        }
    )
    assert redacted == {"CustomKeyStoreName": "n", "XksProxyAuthenticationCredential": {}}


def test_members_that_the_model_does_not_know_are_dropped() -> None:
    assert service_model("kms").operations["DescribeKey"].redacted(
        {"KeyId": "k", "Other": "x", "GrantTokens": None}
    ) == {"KeyId": "k"}


def test_lists_of_structures_keep_what_is_harmless() -> None:
    put = service_model("secretsmanager").operations["BatchGetSecretValue"]
    answer = {"SecretValues": [{"Name": "n", "SecretString": "hush", "SecretBinary": b"hush"}], "Errors": []}
    assert put.redacted_answer(answer) == {"SecretValues": [{"Name": "n"}], "Errors": []}
