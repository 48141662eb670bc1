"""The AWS CLI, unmodified, connected with `strongroom env` as the manual says."""

import base64
from typing import Any

import pytest
from tests.clients.shell import Shell
from tests.running_server import ROOT_ACCESS_KEY_ID, RunningServer

PLAINTEXT = bytes(range(256)) + "Straße\n".encode()


def test_the_first_session_of_the_manual(shell: Shell) -> None:
    (shell.home / "letter").write_bytes(PLAINTEXT)
    script = """
        key=$(aws kms create-key --description 'from a shell' --query KeyMetadata.KeyId --output text)
        aws kms create-alias --alias-name "alias/shell-$key" --target-key-id "$key"
        aws kms encrypt --key-id "alias/shell-$key" --plaintext fileb://letter --encryption-context to=anna \
            --query CiphertextBlob --output text | base64 -d > sealed
        aws kms decrypt --ciphertext-blob fileb://sealed --encryption-context to=anna \
            --query Plaintext --output text | base64 -d > opened
        aws kms list-keys
    """
    listed = shell.answer(shell.connect + script, connected=False)
    assert (shell.home / "opened").read_bytes() == PLAINTEXT
    assert PLAINTEXT not in (shell.home / "sealed").read_bytes()
    assert listed["Keys"]


def test_who_am_i(shell: Shell) -> None:
    assert shell.answer("aws sts get-caller-identity") == {
        "UserId": "000000000000",
        "Account": "000000000000",
        "Arn": "arn:aws:iam::000000000000:root",
    }


def test_over_plain_http(shell: Shell) -> None:
    script = 'unset AWS_CA_BUNDLE; aws --endpoint-url "$STRONGROOM_HTTP_ENDPOINT_URL" sts get-caller-identity'
    answer = shell.answer(shell.connect + script, connected=False)
    assert answer["Account"] == "000000000000"


def test_text_output(shell: Shell) -> None:
    done = shell.run("aws sts get-caller-identity --output text")
    assert (done.returncode, done.stdout) == (0, "000000000000\tarn:aws:iam::000000000000:root\t000000000000\n")


def test_a_table_with_a_date(shell: Shell, key_id: str) -> None:
    done = shell.run(f"aws kms describe-key --key-id {key_id} --output table")
    assert done.returncode == 0, done.stderr
    assert "DescribeKey" in done.stdout
    assert key_id in done.stdout
    assert "Enabled" in done.stdout


def test_pages(shell: Shell, kms: Any, key_id: str) -> None:
    names = [f"alias/page-{key_id}-{number}" for number in range(5)]
    for name in names:
        kms.create_alias(AliasName=name, TargetKeyId=key_id)
    listed = shell.answer(f"aws kms list-aliases --key-id {key_id} --page-size 2")
    assert [entry["AliasName"] for entry in listed["Aliases"]] == names
    first = shell.answer(f"aws kms list-aliases --key-id {key_id} --page-size 2 --max-items 3")
    assert [entry["AliasName"] for entry in first["Aliases"]] == names[:3]
    rest = shell.answer(f"aws kms list-aliases --key-id {key_id} --starting-token {first['NextToken']}")
    assert [entry["AliasName"] for entry in rest["Aliases"]] == names[3:]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("kms describe-key --key-id 11111111-2222-3333-4444-555555555555", "NotFoundException"),
        ("kms encrypt --key-id alias/no-such --plaintext eA==", "NotFoundException"),
        ("kms decrypt --ciphertext-blob fileb:///etc/hostname", "InvalidCiphertextException"),
        ("kms list-keys --limit 1001", "ValidationException"),
        ("kms create-key --policy {}", "MalformedPolicyDocumentException"),
    ],
)
def test_a_refusal_is_told_on_standard_error(shell: Shell, command: str, code: str) -> None:
    done = shell.run(f"aws {command}")
    assert done.returncode in (254, 255)
    assert f"An error occurred ({code}) when calling the " in done.stderr
    assert done.stdout == ""


def test_the_wrong_secret_is_refused(shell: Shell) -> None:
    done = shell.run("AWS_SECRET_ACCESS_KEY=wrong aws kms list-keys")
    assert done.returncode in (254, 255)
    assert "(InvalidSignatureException)" in done.stderr


def test_stray_settings_do_not_lead_elsewhere(shell: Shell) -> None:
    stray = {
        "AWS_SESSION_TOKEN": "of-somebody-else",
        "AWS_REGION": "eu-west-3",
        "AWS_PROFILE": "absent",
        "AWS_ENDPOINT_URL_STS": "https://127.0.0.1:1",
    }
    answer = shell.answer(shell.connect + "aws sts get-caller-identity", connected=False, **stray)
    assert answer["Account"] == "000000000000"


def test_a_profile(shell: Shell) -> None:
    script = f"""
        mkdir .aws
        strongroom env --data {shell.data} --format profile > .aws/config
        aws --profile strongroom kms generate-random --number-of-bytes 32
    """
    answer = shell.answer(script, connected=False)
    assert len(base64.b64decode(answer["Plaintext"])) == 32


def test_the_same_settings_as_json(shell: Shell, server: RunningServer) -> None:
    settings = shell.answer(f"strongroom env --data {shell.data} --format json", connected=False)
    assert settings["AWS_ENDPOINT_URL"] == server.https
    assert settings["STRONGROOM_HTTP_ENDPOINT_URL"] == server.http
    assert settings["AWS_ACCESS_KEY_ID"] == ROOT_ACCESS_KEY_ID
    assert settings["AWS_CA_BUNDLE"] == str(server.ca_bundle)
    assert settings["STRONGROOM_ACCOUNT_ID"] == "000000000000"


def test_the_certificate_is_verified(shell: Shell) -> None:
    """Without the authority's certificate, a client trusts nothing here."""
    done = shell.run("unset AWS_CA_BUNDLE; aws kms list-keys")
    assert done.returncode in (254, 255)
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr or "SSL validation failed" in done.stderr
