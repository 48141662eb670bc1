"""What is kept of builds: artifacts and logs in S3, encrypted under the project's key."""

import asyncio
import gzip
import io
import stat
import uuid
import zipfile
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from tests.running_server import RunningServer
from tests.services.codebuild.building import Workshop, allow, client_of, context, demand_sandbox, document

from strongroom.services.codebuild.names import BuildName, ProjectName
from strongroom.services.codebuild.running.report_export import export_files
from strongroom.services.codebuild.running.report_files import RawFile


@pytest.fixture(scope="module")
def key(server: RunningServer) -> str:
    arn: str = client_of(server, "kms").create_key()["KeyMetadata"]["Arn"]
    return arn


@pytest.fixture(scope="module")
def storing(server: RunningServer, key: str) -> Workshop:
    """A workshop whose role may write to S3 with one key."""
    demand_sandbox()
    return Workshop(server, allow("s3:PutObject"), allow(["kms:GenerateDataKey", "kms:Decrypt"], key))


@pytest.fixture(scope="module")
def bucket(server: RunningServer) -> str:
    name = f"artifacts-{uuid.uuid4().hex[:8]}"
    client_of(server, "s3").create_bucket(Bucket=name)
    return name


MADE = (
    "mkdir -p dist/deep .hidden && echo one >dist/one.txt && echo two >dist/deep/two.txt && echo no >dist/no.log",
    "echo run >dist/run.sh && chmod 755 dist/run.sh && ln -s /etc/passwd dist/link && mkfifo dist/pipe && date >date",
)


def text_of(artifacts: dict[str, Any], *commands: str) -> str:
    return yaml.safe_dump(
        {"version": 0.2, "phases": {"build": {"commands": [*MADE, *commands]}}, "artifacts": artifacts}
    )


def to_s3(bucket: str, **members: Any) -> dict[str, Any]:
    return {"type": "S3", "location": bucket, **members}


def keys(server: RunningServer, bucket: str, prefix: str) -> list[str]:
    found = client_of(server, "s3").list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return [each["Key"] for each in found]


def test_files_are_stored_one_by_one(storing: Workshop, bucket: str, key: str) -> None:
    files = {"files": ["**/*"], "exclude-paths": ["**/*.log"], "base-directory": "dist"}
    project = storing.project(
        text_of(files), artifacts=to_s3(bucket, path="p", namespaceType="BUILD_ID", name="n"), encryptionKey=key
    )
    build = storing.build(project)
    assert build["buildStatus"] == "SUCCEEDED", storing.log(build)
    prefix = f"p/{build['id'].partition(':')[2]}/n"
    assert build["artifacts"]["location"] == f"arn:aws:s3:::{bucket}/{prefix}"
    found = keys(storing.server, bucket, prefix)
    # What leads elsewhere, and what is no file, is left out.
    assert found == [f"{prefix}/{name}" for name in ("deep/two.txt", "one.txt", "run.sh")]
    stored = client_of(storing.server, "s3").get_object(Bucket=bucket, Key=f"{prefix}/deep/two.txt")
    assert stored["Body"].read() == b"two\n"
    assert (stored["ServerSideEncryption"], stored["SSEKMSKeyId"]) == ("aws:kms", key)
    assert stored["Metadata"] == {"codebuild-buildarn": build["arn"]}


def test_a_zip_file_a_name_that_the_build_finds_and_secondary_artifacts(storing: Workshop, bucket: str) -> None:
    artifacts = {
        "files": ["dist/*", "date"],
        "enable-symlinks": "yes",
        "name": 'of-$WHO-$(cat "dist/one.txt").zip',
        "secondary-artifacts": {"second": {"files": ["dist/deep/*"], "discard-paths": "yes", "name": "ignored"}},
    }
    project = storing.project(
        text_of(artifacts, "export WHO=me; ln -s ../date dist/inner; ln -s /etc/x dist/outer; ln -s ../../x dist/up"),
        artifacts=to_s3(bucket, packaging="ZIP", overrideArtifactName=True, path="z", encryptionDisabled=True),
        secondaryArtifacts=[to_s3(bucket, artifactIdentifier="second", path="z", encryptionDisabled=True)],
    )
    build = storing.build(project)
    assert build["buildStatus"] == "SUCCEEDED", storing.log(build)
    assert build["artifacts"]["location"] == f"arn:aws:s3:::{bucket}/z/of-me-one.zip"
    assert keys(storing.server, bucket, "z") == ["z/of-me-one.zip", "z/second/two.txt"]
    content = client_of(storing.server, "s3").get_object(Bucket=bucket, Key="z/of-me-one.zip")["Body"].read()
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert opened.namelist() == ["date", "dist/no.log", "dist/one.txt", "dist/run.sh", "dist/inner"]
        assert opened.read("dist/inner") == b"../date"
        assert stat.S_ISLNK(opened.getinfo("dist/inner").external_attr >> 16)
        assert opened.getinfo("dist/run.sh").external_attr >> 16 & 0o111
    assert len(build["artifacts"]["sha256sum"]) == 64
    assert build["secondaryArtifacts"][0]["artifactIdentifier"] == "second"


@pytest.mark.parametrize(
    ("artifacts", "told"),
    [
        ({"files": ["no/such"]}, "no matching artifact paths found"),
        ({"files": ["*"], "base-directory": "nowhere"}, "no matching base directory path found for nowhere"),
        ({"files": ["*"], "base-directory": "/etc"}, "no matching base directory path found for /etc"),
        ({"files": ["*"], "base-directory": "dist/link"}, "no matching base directory path found for dist/link"),
    ],
)
def test_artifacts_that_are_not_there(storing: Workshop, bucket: str, artifacts: dict[str, Any], told: str) -> None:
    build = storing.build(storing.project(text_of(artifacts), artifacts=to_s3(bucket, path="never")))
    assert build["buildStatus"] == "FAILED"
    assert context(build, "UPLOAD_ARTIFACTS") == ("FAILED", "CLIENT_ERROR", told)
    assert keys(storing.server, bucket, "never") == []


@pytest.mark.parametrize("packaging", ["ZIP", "NONE"])
def test_a_name_that_is_no_text(storing: Workshop, bucket: str, packaging: str) -> None:
    text = text_of({"files": ["dist/*"]}, "touch dist/$(printf 'a\\377')")
    build = storing.build(storing.project(text, artifacts=to_s3(bucket, packaging=packaging, path="unnamed")))
    told = "Error in UPLOAD_ARTIFACTS phase: a file has a name that is not UTF-8"
    assert context(build, "UPLOAD_ARTIFACTS") == ("FAILED", "CLIENT_ERROR", told)


def test_a_report_of_a_name_that_is_no_text() -> None:
    role: Any = None
    for packaging in ("ZIP", "NONE"):
        destination = {"bucket": "b", "packaging": packaging, "encryptionDisabled": True}
        if packaging == "NONE":
            role = SimpleNamespace(s3=refuse_surrogates)
        named = BuildName(ProjectName("000000000000", "us-east-1", "p"), str(uuid.uuid4()))
        arn = f"arn:aws:codebuild:us-east-1:000000000000:report/group:{uuid.uuid4()}"
        problems = asyncio.run(export_files(role, named, destination, arn, [RawFile("a\udcff", "/a", b"")]))
        assert problems == ["error exporting report: a file has a name that is not UTF-8"]


async def refuse_surrogates(action: str, params: dict[str, Any]) -> None:
    params["Key"].encode()


def test_a_name_with_a_secret_in_it_is_nobodys_to_see(storing: Workshop, bucket: str) -> None:
    secret = f"hidden-{uuid.uuid4().hex}"
    manager = client_of(storing.server, "secretsmanager")
    arn = manager.create_secret(Name=secret[:20], SecretString=secret)["ARN"]
    reader = Workshop(storing.server, allow("s3:PutObject"), allow("secretsmanager:GetSecretValue"))
    text = text_of({"files": ["date"], "name": "of-$HIDDEN"})
    project = reader.project(
        yaml.safe_dump(yaml.safe_load(text) | {"env": {"secrets-manager": {"HIDDEN": arn}}}),
        artifacts=to_s3(bucket, overrideArtifactName=True, path="hidden", encryptionDisabled=True),
    )
    build = reader.build(project)
    told = "artifact name has the value of a secret in it"
    assert context(build, "UPLOAD_ARTIFACTS") == ("FAILED", "CLIENT_ERROR", told), reader.log(build)
    assert keys(storing.server, bucket, "hidden") == []
    assert secret not in str(build)


def test_a_role_that_may_not_store_fails_the_build(storing: Workshop, bucket: str, key: str) -> None:
    poor = Workshop(storing.server)
    project = poor.project(text_of({"files": ["date"]}), artifacts=to_s3(bucket), encryptionKey=key)
    build = poor.build(project)
    assert context(build, "UPLOAD_ARTIFACTS")[2].startswith("Error in UPLOAD_ARTIFACTS phase: AccessDenied: ")


def test_the_log_is_stored_in_s3_under_the_projects_key(storing: Workshop, bucket: str, key: str) -> None:
    logs = {
        "cloudWatchLogs": {"status": "DISABLED"},
        "s3Logs": {"status": "ENABLED", "location": f"{bucket}/logs"},
    }
    build = storing.build(
        storing.project(text_of({"files": ["date"]}, "echo in the log"), logsConfig=logs, encryptionKey=key)
    )
    assert build["logs"]["cloudWatchLogs"] == {"status": "DISABLED"}
    where = build["logs"]["s3LogsArn"].partition(":::")[2].partition("/")[2]
    stored = client_of(storing.server, "s3").get_object(Bucket=bucket, Key=where)
    assert stored["SSEKMSKeyId"] == key
    assert "\nin the log\n" in gzip.decompress(stored["Body"].read()).decode()
    assert "groupName" not in build["logs"]


def test_a_disabled_key_keeps_the_artifacts_from_being_stored(storing: Workshop, bucket: str) -> None:
    kms = client_of(storing.server, "kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    other = Workshop(storing.server, allow("s3:PutObject"), allow("kms:*", key))
    kms.disable_key(KeyId=key)
    build = other.build(
        other.project(text_of({"files": ["date"]}), artifacts=to_s3(bucket, path="disabled"), encryptionKey=key)
    )
    assert "is disabled" in context(build, "UPLOAD_ARTIFACTS")[2]
    assert keys(storing.server, bucket, "disabled") == []


def test_the_log_group_may_be_encrypted(storing: Workshop) -> None:
    account = storing.role.split(":")[4]
    group = f"/encrypted/{storing.name}"
    owner = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"}
    service = {"Principal": {"Service": "logs.us-east-1.amazonaws.com"}, "Effect": "Allow", "Action": "kms:*"}
    policy = document(owner, service | {"Resource": "*"})
    key = client_of(storing.server, "kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    client_of(storing.server, "logs").create_log_group(logGroupName=group, kmsKeyId=key)
    logs = {"cloudWatchLogs": {"status": "ENABLED", "groupName": group}}
    project = storing.project(text_of({"files": ["date"]}, "echo sealed"), logsConfig=logs)
    assert storing.printed(storing.build(project)) == ["sealed"]


def test_a_role_may_what_is_its_builds(storing: Workshop, bucket: str) -> None:
    own = Workshop(
        storing.server,
        allow("s3:PutObject", f"arn:aws:s3:::{bucket}/${{codebuild:projectArn}}/*"),
        allow("s3:PutObject", f"arn:aws:s3:::{bucket}/of-a-build/*")
        | {"Condition": {"ArnLike": {"codebuild:buildArn": "arn:aws:codebuild:us-east-1:*:build/*-a:*"}}},
    )
    settings = to_s3(bucket, encryptionDisabled=True, name="n")
    project = own.project(text_of({"files": ["date"]}), artifacts=settings | {"path": "of-a-build"})
    arn = own.client.batch_get_projects(names=[project])["projects"][0]["arn"]
    stored = own.build(project, artifactsOverride=settings | {"path": arn})
    assert stored["buildStatus"] == "SUCCEEDED", own.log(stored)
    assert keys(own.server, bucket, arn) == [f"{arn}/n/date"]
    for path in (arn + "-other", "of-a-build"):
        denied = own.build(project, artifactsOverride=settings | {"path": path})
        assert "AccessDenied" in context(denied, "UPLOAD_ARTIFACTS")[2]
    given = own.client.batch_get_projects(names=[project])["projects"][0]
    members = {name: given[name] for name in ("source", "artifacts", "environment", "serviceRole")}
    own.client.create_project(name=f"{project}-a", **members)
    assert own.build(f"{project}-a")["buildStatus"] == "SUCCEEDED"
