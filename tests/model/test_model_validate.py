import copy
from typing import Any

import pytest

from strongroom.base.errors import AwsError
from strongroom.model.constraints import echoed_characters_max
from strongroom.model.service import ServiceModel, service_model
from strongroom.model.validate import violations_max


def refusal(service: str, operation: str, params: dict[str, Any]) -> AwsError:
    with pytest.raises(AwsError) as refused:
        service_model(service).operations[operation].validate(params)
    assert refused.value.status == 400
    return refused.value


def one(text: str) -> str:
    return f"1 validation error detected: {text}"


@pytest.mark.parametrize(
    ("operation", "params", "message"),
    [
        (
            "GenerateRandom",
            {"NumberOfBytes": 0},
            "Value '0' at 'numberOfBytes' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
        ),
        (
            "GenerateRandom",
            {"NumberOfBytes": 1025},
            "Value '1025' at 'numberOfBytes' failed to satisfy constraint: "
            "Member must have value less than or equal to 1024",
        ),
        (
            "DeriveSharedSecret",
            {"KeyId": "k", "KeyAgreementAlgorithm": "INVALID", "PublicKey": b"x"},
            "Value 'INVALID' at 'keyAgreementAlgorithm' failed to satisfy constraint: "
            "Member must satisfy enum value set: [ECDH]",
        ),
        ("DescribeKey", {}, "Value null at 'keyId' failed to satisfy constraint: Member must not be null"),
        (
            "DescribeKey",
            {"KeyId": "x" * 2049},
            f"Value '{'x' * 2049}' at 'keyId' failed to satisfy constraint: "
            "Member must have length less than or equal to 2048",
        ),
        (
            "Encrypt",
            {"KeyId": "k", "Plaintext": b""},
            "Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            "Encrypt",
            {"KeyId": "k", "Plaintext": b"s" * 4097},
            "Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096",
        ),
        (
            "Encrypt",
            {"KeyId": "k"},
            "Value at 'plaintext' failed to satisfy constraint: Member must not be null",
        ),
        (
            "Verify",
            {"KeyId": "k", "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"},
            "Value null at 'signature' failed to satisfy constraint: Member must not be null",
        ),
        (
            "Decrypt",
            {"CiphertextBlob": b"c" * 6145},
            "Value at 'ciphertextBlob' failed to satisfy constraint: "
            "Member must have length less than or equal to 6144",
        ),
        (
            "TagResource",
            {"KeyId": "k", "Tags": [{"TagKey": "a", "TagValue": "b"}, {"TagKey": "", "TagValue": "b"}]},
            "Value '' at 'tags.2.member.tagKey' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        ),
        (
            "TagResource",
            {"KeyId": "k", "Tags": [{"TagKey": "a"}]},
            "Value null at 'tags.1.member.tagValue' failed to satisfy constraint: Member must not be null",
        ),
        (
            "TagResource",
            {"KeyId": "k", "Tags": [None]},
            "Value null at 'tags.1.member' failed to satisfy constraint: Member must not be null",
        ),
        (
            "CreateGrant",
            {"KeyId": "k", "GranteePrincipal": "p", "Operations": ["Encrypt", "Fly"]},
            "Value '[Encrypt, Fly]' at 'operations' failed to satisfy constraint: Member must satisfy constraint: "
            "[Member must satisfy enum value set: [{operations}], Member must not be null]",
        ),
        (
            "Encrypt",
            {"KeyId": "k", "Plaintext": b"x", "GrantTokens": ["t"] * 11},
            "Value '[t, t, t, t, t, t, t, t, t, t, t]' at 'grantTokens' failed to satisfy constraint: "
            "Member must have length less than or equal to 10",
        ),
        (
            "Encrypt",
            {"KeyId": "k", "Plaintext": b"x", "GrantTokens": [""]},
            "Value '[]' at 'grantTokens' failed to satisfy constraint: Member must satisfy constraint: "
            "[Member must have length less than or equal to 8192, Member must have length greater than or equal to 1, "
            "Member must not be null]",
        ),
        (
            "Encrypt",
            {"KeyId": "k", "Plaintext": b"x", "EncryptionContext": {"a": None}},
            "Value '{a=null}' at 'encryptionContext' failed to satisfy constraint: "
            "Map value must satisfy constraint: [Member must not be null]",
        ),
        (
            "CreateAlias",
            {"AliasName": "alias/ü", "TargetKeyId": "k"},
            "Value 'alias/ü' at 'aliasName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$",
        ),
    ],
)
def test_kms_refuses_in_aws_words(operation: str, params: dict[str, Any], message: str) -> None:
    operations = ", ".join(service_model("kms").shapes["GrantOperation"].enum)
    error = refusal("kms", operation, params)
    assert error.code == "ValidationException"
    assert error.message == one(message.replace("{operations}", operations))


def test_several_violations_are_told_together() -> None:
    error = refusal("kms", "GenerateDataKey", {"NumberOfBytes": 0, "KeySpec": "AES_512"})
    assert error.message == (
        "3 validation errors detected: "
        "Value null at 'keyId' failed to satisfy constraint: Member must not be null; "
        "Value '0' at 'numberOfBytes' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1; "
        "Value 'AES_512' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: "
        "[AES_256, AES_128]"
    )


def test_one_value_may_break_two_constraints() -> None:
    error = refusal("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": " "})
    assert error.code == "ValidationError"
    assert error.message == (
        "2 validation errors detected: "
        "Value ' ' at 'roleSessionName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 2; "
        "Value ' ' at 'roleSessionName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@-]*"
    )


def test_sensitive_values_are_never_echoed() -> None:
    token = "not-a-serial-but-a-secret" * 1000
    error = refusal(
        "sts",
        "AssumeRoleWithWebIdentity",
        {"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "name", "WebIdentityToken": token},
    )
    assert "secret" not in error.message
    assert error.message.startswith("1 validation error detected: Value at 'webIdentityToken' failed")


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("Encrypt", {"KeyId": "a", "Plaintext": b"x" * 4096, "EncryptionContext": {"a": "b"}, "GrantTokens": ["t"]}),
        ("ListKeys", {}),
        ("TagResource", {"KeyId": "k", "Tags": [{"TagKey": "a", "TagValue": ""}]}),
    ],
)
def test_a_good_request_is_accepted_and_left_as_it_is(operation: str, params: dict[str, Any]) -> None:
    before = copy.deepcopy(params)
    service_model("kms").operations[operation].validate(params)
    assert params == before


def test_logs_has_its_own_code() -> None:
    error = refusal("logs", "DescribeMetricFilters", {"filterNamePrefix": "x" * 513})
    assert error.code == "InvalidParameterException"
    assert error.message.endswith("Member must have length less than or equal to 512")


def test_what_is_echoed_and_how_much_is_told_is_bounded() -> None:
    long = "x" * 200_000
    error = refusal("kms", "DescribeKey", {"KeyId": long})
    assert len(error.message) < echoed_characters_max + 200
    tags = [{"TagKey": "", "TagValue": "v"}] * 5000
    error = refusal("kms", "TagResource", {"KeyId": "k", "Tags": tags})
    assert error.message.startswith(f"{violations_max} validation errors detected: ")


def invented(shapes: dict[str, Any]) -> ServiceModel:
    return ServiceModel(
        "invented",
        {
            "metadata": {
                "apiVersion": "2026-11-24",
                "endpointPrefix": "invented",
                "serviceId": "Invented",
                "protocol": "json",
            },
            "operations": {"Do": {"name": "Do", "input": {"shape": "Input"}}},
            "shapes": shapes,
        },
    )


def refusal_of(shapes: dict[str, Any], params: dict[str, Any]) -> str:
    with pytest.raises(AwsError) as refused:
        invented(shapes).operations["Do"].validate(params)
    return refused.value.message


def test_maps_of_bounded_values_and_of_structures() -> None:
    shapes = {
        "Input": {"type": "structure", "members": {"Weights": {"shape": "Weights"}, "Items": {"shape": "Items"}}},
        "Weights": {"type": "map", "key": {"shape": "Number"}, "value": {"shape": "Weight"}},
        "Number": {"type": "string", "min": 1, "max": 4, "pattern": "[0-9]+"},
        "Weight": {"type": "double", "min": 0, "max": 1},
        "Items": {"type": "map", "key": {"shape": "Any"}, "value": {"shape": "Item"}},
        "Any": {"type": "string"},
        "Item": {"type": "structure", "required": ["Name"], "members": {"Name": {"shape": "Any"}}},
    }
    assert refusal_of(shapes, {"Weights": {"2": -1.0}}) == one(
        "Value '{2=-1.0}' at 'weights' failed to satisfy constraint: Map value must satisfy constraint: "
        "[Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, "
        "Member must not be null]"
    )
    assert refusal_of(shapes, {"Weights": {"$LATEST": 0.5}}) == one(
        "Value '{$LATEST=0.5}' at 'weights' failed to satisfy constraint: Map keys must satisfy constraint: "
        "[Member must have length less than or equal to 4, Member must have length greater than or equal to 1, "
        "Member must satisfy regular expression pattern: [0-9]+]"
    )
    assert refusal_of(shapes, {"Items": {"a": {}}}) == one(
        "Value null at 'items.a.member.name' failed to satisfy constraint: Member must not be null"
    )


def test_structures_are_echoed_as_aws_does_without_what_is_sensitive() -> None:
    shapes = {
        "Input": {"type": "structure", "members": {"Items": {"shape": "Items"}}},
        "Items": {"type": "list", "max": 1, "member": {"shape": "Item"}},
        "Item": {
            "type": "structure",
            "members": {
                "Name": {"shape": "Any"},
                "Secret": {"shape": "Secret"},
                "On": {"shape": "Flag"},
                "None": {"shape": "Any"},
            },
        },
        "Any": {"type": "string"},
        "Secret": {"type": "string", "sensitive": True},
        "Flag": {"type": "boolean"},
    }
    item = {"Name": "n", "Secret": "hush", "On": True}
    assert refusal_of(shapes, {"Items": [item, item]}) == one(
        "Value '[Item(name=n, secret=***, on=true, none=null), Item(name=n, secret=***, on=true, none=null)]' "
        "at 'items' failed to satisfy constraint: Member must have length less than or equal to 1"
    )


def test_what_is_within_something_sensitive_is_sensitive() -> None:
    shapes = {
        "Input": {"type": "structure", "members": {"Login": {"shape": "Login"}, "Codes": {"shape": "Codes"}}},
        "Login": {
            "type": "structure",
            "sensitive": True,
            "required": ["Password"],
            "members": {"Password": {"shape": "Word"}, "Hints": {"shape": "Hints"}},
        },
        "Hints": {"type": "list", "member": {"shape": "Word"}},
        "Codes": {"type": "list", "member": {"shape": "Code"}},
        "Code": {"type": "string", "max": 2, "sensitive": True},
        "Word": {"type": "string", "max": 3},
    }
    message = refusal_of(shapes, {"Login": {"Password": "hush-hush", "Hints": ["hush-hush"]}, "Codes": ["hush-hush"]})
    assert "hush" not in message
    assert message.startswith("3 validation errors detected: Value at 'login.password' failed")


def test_a_shape_may_hold_itself() -> None:
    shapes = {
        "Input": {"type": "structure", "members": {"Tree": {"shape": "Tree"}}},
        "Tree": {
            "type": "structure",
            "required": ["Name"],
            "members": {"Name": {"shape": "Name"}, "Left": {"shape": "Tree"}, "More": {"shape": "Trees"}},
        },
        "Trees": {"type": "list", "member": {"shape": "Tree"}},
        "Name": {"type": "string", "enum": ["a", "b"]},
    }
    tree = {"Name": "a", "Left": {"Name": "b", "More": [{"Name": "a"}, {"Name": "c"}]}}
    assert refusal_of(shapes, {"Tree": tree}) == one(
        "Value 'c' at 'tree.left.more.2.member.name' failed to satisfy constraint: "
        "Member must satisfy enum value set: [a, b]"
    )


def test_a_pattern_that_cannot_be_compiled_lets_nothing_in() -> None:
    shapes = {
        "Input": {"type": "structure", "members": {"Name": {"shape": "Name"}}},
        "Name": {"type": "string", "pattern": "("},
    }
    model = invented(shapes)
    with pytest.raises(ValueError, match="cannot be compiled"):
        _ = model.operations["Do"].validate
    with pytest.raises(ValueError, match="cannot be compiled"):
        model.prepare()
