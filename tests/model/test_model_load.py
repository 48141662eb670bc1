import subprocess
import sys
from datetime import date

import msgspec
import pytest

from strongroom.model.load import data_directory, merged, parts_of, patches, read_document, read_parts
from strongroom.model.service import ServiceModel, service_model

SERVED = ("kms", "iam", "sts")
TO_COME = ("ssm", "secretsmanager", "logs", "codebuild", "cloudtrail", "service-quotas", "lambda", "s3", "ec2")


def test_kms_is_as_its_model_says() -> None:
    kms = service_model("kms")
    assert kms.protocols == ("json",)
    assert (kms.json_version, kms.target_prefix) == ("1.1", "TrentService")
    assert (kms.signing_name, kms.endpoint_prefix, kms.api_version) == ("kms", "kms", "2014-11-01")
    assert kms.validation_error_code == "ValidationException"
    assert {"Encrypt", "Decrypt", "GenerateDataKey", "CreateKey"} <= kms.operations.keys()


def test_sts_is_as_its_model_says() -> None:
    sts = service_model("sts")
    assert sts.protocols == ("query",)
    assert sts.xml_namespace == "https://sts.amazonaws.com/doc/2011-06-15/"
    assert (sts.signing_name, sts.api_version) == ("sts", "2011-06-15")
    assert sts.validation_error_code == "ValidationError"
    unsigned = {name for name, operation in sts.operations.items() if operation.is_unsigned}
    assert unsigned == {"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}


def test_errors_are_found_by_shape_and_by_code() -> None:
    sts = service_model("sts")
    shape = sts.errors["MalformedPolicyDocument"]
    assert shape is sts.errors["MalformedPolicyDocumentException"]
    assert shape.error is not None
    assert shape.error.http_status_code == 400


@pytest.mark.parametrize("service", SERVED + TO_COME)
def test_every_operation_compiles(service: str) -> None:
    model = service_model(service)
    model.prepare()
    assert model.operations
    for operation in model.operations.values():
        assert callable(operation.validate)
        assert operation.redacted({}) == {}
        assert operation.redacted_answer({}) == {}


@pytest.mark.parametrize("service", [*SERVED, *TO_COME, "s3control", "rds"])
def test_a_model_read_in_parts_is_the_same_as_the_whole_of_it(service: str) -> None:
    document = read_document(service)
    for parts in (read_parts(service), parts_of(document)):
        assert parts.metadata == document["metadata"]
        assert {name: msgspec.json.decode(text) for name, text in parts.operations.items()} == document["operations"]
        assert {name: msgspec.json.decode(text) for name, text in parts.shapes.items()} == document["shapes"]
    exceptions = {name for name, shape in document["shapes"].items() if shape.get("exception") or "error" in shape}
    assert exceptions == {shape.name for shape in service_model(service).errors.values()}


def test_what_is_asked_for_after_a_model_is_settled_is_read_from_the_file_again() -> None:
    kms = ServiceModel("kms")
    kms.settle(["Encrypt"])
    encrypt, decrypt = kms.operations["Encrypt"], kms.operations["Decrypt"]
    assert encrypt.input is not None
    assert decrypt.input is not None
    names = encrypt.input.members["EncryptionContext"].target, encrypt.input.members["KeyId"].target
    assert names[0] is decrypt.input.members["EncryptionContext"].target
    assert names[1] is decrypt.input.members["KeyId"].target
    assert kms.shapes["GrantOperation"].enum
    assert kms.errors["NotFoundException"] is decrypt.errors["NotFoundException"]


def test_a_shape_that_refers_to_nothing_is_told_of_and_not_kept() -> None:
    shapes = {"Tree": {"type": "structure", "members": {"Left": {"shape": "Tree"}, "Right": {"shape": "Leaf"}}}}
    kms = ServiceModel("kms", read_document("kms") | {"shapes": shapes, "operations": {}})
    for _ in range(2):
        with pytest.raises(ValueError, match="Tree refers to the unknown shape Leaf"):
            _ = kms.shapes["Tree"]
    with pytest.raises(KeyError):
        _ = kms.shapes["Leaf"]


def test_the_newest_version_is_read() -> None:
    versions = [path.name for path in (data_directory() / "ec2").iterdir() if path.is_dir()]
    assert len(versions) > 1
    newest = max(versions, key=date.fromisoformat)
    assert service_model("ec2").api_version == newest


@pytest.mark.parametrize("name", ["nosuchservice", "", "../kms", "kms/2014-11-01", "."])
def test_an_unknown_service_is_a_lookup_error(name: str) -> None:
    with pytest.raises(LookupError):
        read_document(name)


def test_loading_a_model_runs_no_botocore_code() -> None:
    script = (
        "import sys; from strongroom.model.service import service_model; service_model('kms');"
        "print([name for name in sys.modules if name.partition('.')[0] == 'botocore'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_merge_patch_as_in_rfc_7396() -> None:
    document = {"title": "Goodbye!", "author": {"given": "John", "family": "Doe"}, "tags": ["a", "b"], "content": "x"}
    patch = {"title": "Hello!", "phone": "+01", "author": {"family": None}, "tags": ["a"]}
    expected = {"title": "Hello!", "author": {"given": "John"}, "tags": ["a"], "content": "x", "phone": "+01"}
    assert merged(document, patch) == expected
    assert document["title"] == "Goodbye!"
    assert merged({"a": "b"}, ["c"]) == ["c"]
    assert merged(["a"], {"b": {"c": None}}) == {"b": {}}


def test_our_patches_apply_and_name_their_evidence() -> None:
    assert service_model("logs").validation_error_code == "InvalidParameterException"
    for patch in patches():
        assert len(patch.why) > 40
        assert (data_directory() / patch.service).is_dir()


def test_botocores_own_extras_are_merged() -> None:
    assert service_model("secretsmanager").service_id == "Secrets Manager"


def test_a_patch_of_ours_is_stronger_than_botocores_extras() -> None:
    assert service_model("s3").shapes["Expires"].type == "string"
