"""The commands that the tour shows: as text, and run by the real aws CLI in a shell, which gets the same answers."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from tests.tour.walking import Grounds

from strongroom.tour.answers import shown
from strongroom.tour.callers import NOBODY, Way
from strongroom.tour.command_line import COLUMNS_MAX, Display, File, command_line, making, plain
from strongroom.tour.transcript import Command
from strongroom.tour.visit import Visit, allow, statements

AWS = Path("/usr/bin/aws")
_LOADED: dict[str, Any] = {}


def rendered(service: str, operation: str, display: Display | None = None, /, **params: Any) -> str:
    if service not in _LOADED:
        _LOADED[service] = botocore.session.get_session().get_service_model(service)
    return command_line(service, _LOADED[service].operation_model(operation), params, display or Display())


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (("kms", "ListKeys", {}), "aws kms list-keys"),
        (("s3", "HeadObject", {"Bucket": "b", "Key": "a b"}), "aws s3api head-object --bucket b --key 'a b'"),
        (("kms", "CreateKey", {"MultiRegion": True}), "aws kms create-key --multi-region"),
        (
            ("ssm", "GetParameter", {"Name": "/a", "WithDecryption": False}),
            "aws ssm get-parameter --name /a --no-with-decryption",
        ),
        (("ssm", "GetParameters", {"Names": ["/a", "/b c"]}), "aws ssm get-parameters --names /a '/b c'"),
        (("ssm", "GetParameters", {"Names": []}), "aws ssm get-parameters --names '[]'"),
        (("ssm", "GetParameters", {"Names": ["-a", "b"]}), """aws ssm get-parameters --names '["-a", "b"]'"""),
        (("ssm", "GetParameter", {"Name": "-it's"}), """aws ssm get-parameter --name='-it'"'"'s'"""),
        (
            ("kms", "Encrypt", {"KeyId": "k", "Plaintext": File("f 1", b"x")}),
            "aws kms encrypt --key-id k --plaintext fileb://'f 1'",
        ),
        (
            ("s3", "PutObject", {"Bucket": "b", "Key": "k", "Body": File("f", b"x")}),
            "aws s3api put-object --bucket b --key k --body f",
        ),
        (
            ("s3", "PutBucketPolicy", {"Bucket": "b", "Policy": File("p", b"{}")}),
            "aws s3api put-bucket-policy --bucket b --policy file://p",
        ),
        (
            ("kms", "TagResource", {"KeyId": "k", "Tags": [{"TagKey": "a", "TagValue": "b"}]}),
            "aws kms tag-resource --key-id k --tags TagKey=a,TagValue=b",
        ),
        (
            ("kms", "TagResource", {"KeyId": "k", "Tags": [{"TagKey": "a", "TagValue": "b,c"}]}),
            """aws kms tag-resource --key-id k --tags '[{"TagKey": "a", "TagValue": "b,c"}]'""",
        ),
        (
            ("ssm", "PutParameter", {"Name": "/a", "Value": "https://b"}),
            """aws ssm put-parameter --name /a --cli-input-json '{"Value": "https://b"}'""",
        ),
        (
            ("lambda", "UpdateFunctionCode", {"FunctionName": "f", "ZipFile": File("f.zip", b"PK")}),
            "aws lambda update-function-code --function-name f --zip-file fileb://f.zip",
        ),
        (
            ("lambda", "CreateFunction", {"FunctionName": "f", "Role": "r", "Code": {"ZipFile": File("f.zip", b"PK")}}),
            "aws lambda create-function --function-name f --role r --zip-file fileb://f.zip",
        ),
    ],
)
def test_a_command(call: tuple[str, str, dict[str, Any]], expected: str) -> None:
    service, operation, params = call
    assert rendered(service, operation, **params) == expected


def test_what_goes_with_a_command() -> None:
    display = Display(prefix="ann", options=("--no-sign-request",), query="A.[B]", save="f", is_binary=True)
    told = rendered("kms", "ListKeys", display)
    assert told == "ann aws --no-sign-request kms list-keys --query 'A.[B]' --output text | base64 -d > f"


def test_a_long_command_is_parted_between_its_options() -> None:
    told = rendered("ssm", "PutParameter", Name="/" + "a" * 90, Value="b" * 90, Type="String")
    lines = told.split(" \\\n    ")
    assert [line.split(" ")[0] for line in lines] == ["aws", "--name", "--value", "--type"] or len(lines) == 3
    assert all(len(line) <= COLUMNS_MAX for line in lines)


def test_bytes_that_are_in_no_file_cannot_be_said() -> None:
    with pytest.raises(ValueError, match="cannot say"):
        rendered("kms", "Encrypt", KeyId="k", Plaintext=b"x")


def test_files_are_given_to_the_client_as_their_content() -> None:
    model = botocore.session.get_session().get_service_model("kms")
    shape = model.operation_model("Encrypt").input_shape
    assert plain({"Plaintext": File("f", b"\xff")}, shape) == {"Plaintext": b"\xff"}
    assert plain({"KeyId": File("f", b"k")}, shape) == {"KeyId": "k"}
    assert plain({"EncryptionContext": File("f", b'{"a": "b"}')}, shape) == {"EncryptionContext": {"a": "b"}}


@pytest.mark.parametrize(
    "content", [b"a line", b"it's $HOME", b"two\nlines", b'{\n  "a": "`b`\\n"\n}\n', b"\xff\x00binary"]
)
def test_the_command_that_makes_a_file_makes_it(content: bytes, tmp_path: Path) -> None:
    command = making(File("a file", content))
    assert command is not None
    subprocess.run(["bash", "-euc", command], cwd=tmp_path, check=True)
    made = (tmp_path / "a file").read_bytes()
    assert made == content


def test_an_answer_is_cut_where_it_is_long() -> None:
    assert shown({"a": 1}) == '{"a": 1}'
    assert shown(["x"] * 9).endswith('"... and 3 more"]')
    assert "(4,000 characters)" in shown("x" * 4_000)
    assert shown({}) == ""


def calls(visit: Visit) -> None:
    """Make calls of many kinds, each of which answers the same when it is made again."""
    kms, ssm, s3 = (visit.clients.client(name) for name in ("kms", "ssm", "s3"))
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    context = {"project": "apollo", "odd": "a b'c"}
    sealed = kms.encrypt(KeyId=key, Plaintext=b"\x00secret", EncryptionContext=context)["CiphertextBlob"]
    visit.aws("kms", "DescribeKey", KeyId=key, query="KeyMetadata.[KeyId,CreationDate,KeySpec,MultiRegion]")
    blob = File("sealed", sealed)
    visit.aws("kms", "Decrypt", CiphertextBlob=blob, EncryptionContext=context, query="Plaintext", save="opened")
    user = visit.new_caller("ann", policy=statements(allow("ssm:GetParameters")))
    for name, value in (("/cli/a", 'it\'s $HOME, "quoted"'), ("/cli/c", "https://example.com")):
        ssm.put_parameter(Name=name, Value="before", Type="String")
        visit.aws("ssm", "PutParameter", Name=name, Value=value, Overwrite=True, query="Tier")
    visit.aws("ssm", "GetParameters", way=Way(user), Names=["/cli/a", "/cli/c", "/cli/-"], query="Parameters[].Value")
    s3.create_bucket(Bucket="cli")
    visit.aws(
        "s3", "PutObject", Bucket="cli", Key="a key", Body=File("b", b"2\nlines"), Metadata={"a": "b"}, query="ETag"
    )
    visit.aws("s3", "GetObject", Bucket="cli", Key="a key", outfile="back.txt", query="[Metadata,ContentLength]")
    visit.error_of("s3", "GetObject", Bucket="cli", Key="a key", way=Way(caller=NOBODY, is_plain_http=True))


def test_the_real_cli_gets_the_same_answers(grounds: Grounds, tmp_path: Path) -> None:
    if not AWS.exists():
        message = "the AWS CLI's version 2 is not installed (apt-get install awscli)"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    outcome, entries = grounds.walk(calls)
    assert outcome.proofs == []
    environment = grounds.served.account.environment() | {"PATH": "/usr/bin:/bin", "TZ": "UTC"}
    # Debian's version knows no variable that says where the server is.
    functions = f'aws() {{ {AWS} --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }}\n'
    compared = 0
    for entry in entries:
        assert isinstance(entry, Command), entry
        if entry.line.startswith("ann() {"):
            functions += f"{entry.line}\n"
            continue
        if "aws iam" in entry.line:  # There is one user of a name, and one key that is shown.
            continue
        done = subprocess.run(
            ["bash", "-c", functions + entry.line], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert (done.returncode != 0) == entry.is_refused, (entry.line, done.stdout, done.stderr)
        if entry.is_refused:
            assert without_token(entry.printed) in without_token(done.stderr)
        elif entry.printed[:1] in ("{", "["):
            assert json.loads(done.stdout) == json.loads(entry.printed), entry.line
        else:
            assert done.stdout.strip() == entry.printed, entry.line
        compared += "aws " in entry.line
    assert compared == 8
    folder = grounds.premises.folder / outcome.name
    assert (tmp_path / "opened").read_bytes() == (folder / "opened").read_bytes() == b"\x00secret"
    assert (tmp_path / "back.txt").read_bytes() == (folder / "back.txt").read_bytes()


def without_token(text: str) -> str:
    """Return an error without its encoded message, which is another one each time."""
    return text.partition("Encoded authorization failure message")[0].strip()
