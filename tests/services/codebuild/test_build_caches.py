"""Caches of builds: what the next build of a project finds, and that no other project's does."""

import gzip
import io
import tarfile
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.running_server import RunningServer, eventually
from tests.services.codebuild.building import Workshop, allow, client_of, demand_sandbox, document
from tests.services.refusals import refused

LOCAL = {"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]}


@pytest.fixture(scope="module")
def key(server: RunningServer) -> str:
    arn: str = client_of(server, "kms").create_key()["KeyMetadata"]["Arn"]
    return arn


@pytest.fixture(scope="module")
def shop(server: RunningServer, key: str) -> Workshop:
    demand_sandbox()
    s3 = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]
    return Workshop(server, allow(s3), allow(["kms:GenerateDataKey", "kms:Decrypt"], key))


@pytest.fixture(scope="module")
def bucket(server: RunningServer) -> str:
    name = f"caches-{uuid.uuid4().hex[:8]}"
    client_of(server, "s3").create_bucket(Bucket=name)
    return name


def text_of(*commands: str, **cache: Any) -> str:
    return yaml.safe_dump({"version": 0.2, "phases": {"build": {"commands": list(commands)}}, "cache": cache})


SEEN = "cat ~/.kept/deep/file made/one .top 2>/dev/null; ls made ~/.kept 2>/dev/null; true"
MAKE = (
    "mkdir -p ~/.kept/deep made && echo home >~/.kept/deep/file && echo one >made/one && echo two >made/two",
    "chmod 755 made/one; ln -s one made/link; ln -s /etc/passwd ~/.kept/way-out; mkfifo made/pipe; echo top >.top",
)
PATHS = ["/root/.kept/**/*", "made", "$NOWHERE.top", "/etc/**/*", "/codebuild/output/kept/**/*", "../../*", "absent/*"]


def objects(server: RunningServer, bucket: str) -> list[str]:
    return [each["Key"] for each in client_of(server, "s3").list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_a_local_cache_is_there_for_the_next_build_of_the_project_alone(shop: Workshop) -> None:
    project, other = (shop.project(text_of(SEEN, *MAKE, paths=PATHS), cache=LOCAL) for _ in range(2))
    first = shop.build(project)
    assert first["buildStatus"] == "SUCCEEDED", shop.log(first)
    assert shop.printed(first) == []
    log = shop.log(first)
    for path in ("/etc/**/*", "/codebuild/output/kept/**/*", "../../*"):
        assert f"Unable to cache {path}: it is not below the home directory or the source" in log
    again = shop.build(project)
    assert shop.printed(again)[:3] == ["home", "one", "top"]
    # Links stay links; what is no file is left out.
    assert {"link", "one", "two", "deep", "way-out"} <= set(shop.printed(again))
    assert "pipe" not in shop.printed(again)
    assert shop.printed(shop.build(other)) == []
    kept = [path for path in Path("/dev/shm").glob("strongroom-*/caches-*/*") if (path / "files.tar.gz").exists()]
    shop.client.invalidate_project_cache(projectName=project)
    eventually(10, lambda: sum(not path.exists() for path in kept) == 1)
    assert shop.printed(shop.build(project)) == []
    # Who takes the name of a project that is gone does not take its cache.
    shop.client.delete_project(name=project)
    members = {"source": {"type": "NO_SOURCE", "buildspec": text_of(SEEN, paths=PATHS)}, "cache": LOCAL}
    settings = shop.client.batch_get_projects(names=[other])["projects"][0]
    kept = {name: settings[name] for name in ("artifacts", "environment", "serviceRole")}
    shop.client.create_project(name=project, **(kept | members))
    assert shop.printed(shop.build(project)) == []


def test_what_a_specification_says_of_saving_and_restoring(shop: Workshop) -> None:
    project = shop.project(text_of(SEEN, *MAKE, paths=["made/*"], action="restore"), cache=LOCAL)
    shop.build(project)
    assert shop.printed(shop.build(project)) == []
    shop.build(project, buildspecOverride=text_of("mkdir made; echo one >made/one; exit 1", paths=["made/*"]))
    assert shop.printed(shop.build(project)) == []
    shop.build(project, buildspecOverride=text_of("mkdir made; echo one >made/one", paths=["made/*"]))
    assert shop.printed(shop.build(project)) == ["one", "made:", "one"]
    assert shop.printed(shop.build(project, buildspecOverride=text_of(SEEN, paths=["made/*"], action="save"))) == []
    assert shop.printed(shop.build(project, cacheOverride={"type": "NO_CACHE"})) == []


def test_a_cache_in_s3_is_encrypted_under_the_projects_key(shop: Workshop, bucket: str, key: str) -> None:
    cache = {"type": "S3", "location": f"{bucket}/some/prefix"}
    project, other = (shop.project(text_of(SEEN, *MAKE, paths=PATHS), cache=cache, encryptionKey=key) for _ in range(2))
    assert shop.printed(shop.build(project)) == []
    (name,) = objects(shop.server, bucket)
    assert name.startswith("some/prefix/project-")
    stored = client_of(shop.server, "s3").get_object(Bucket=bucket, Key=name)
    assert (stored["ServerSideEncryption"], stored["SSEKMSKeyId"]) == ("aws:kms", key)
    content = stored["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as packed:
        assert {member.name.split("/")[0] for member in packed} == {"home", "sources"}
        assert not [member for member in packed if not (member.isreg() or member.issym())]
    assert shop.printed(shop.build(project))[:3] == ["home", "one", "top"]
    assert shop.printed(shop.build(other)) == []
    assert len(objects(shop.server, bucket)) == 2
    shop.client.invalidate_project_cache(projectName=project)
    assert shop.printed(shop.build(project)) == []


def test_keys_of_a_cache(shop: Workshop, bucket: str) -> None:
    cache = {"type": "S3", "location": f"{bucket}/keyed"}
    project = shop.project(text_of("true"), cache=cache)

    def printed(key: str, word: str, *fallbacks: str, paths: str = "made/*") -> list[str]:
        commands = (f"cat made/word 2>/dev/null; mkdir -p made; echo {word} >made/word",)
        text = text_of(*commands, paths=[paths], key=key, **{"fallback-keys": list(fallbacks)} if fallbacks else {})
        return shop.printed(shop.build(project, buildspecOverride=text))

    assert printed("npm-$(echo one)", "first") == []
    # A cache of a key stays as it is.
    assert printed("npm-one", "second") == ["first"]
    assert printed("npm-one", "third") == ["first"]
    # S3 tells when by the second.
    second = int(time.time())
    eventually(2, lambda: int(time.time()) > second)
    assert printed("npm-two", "fourth") == []
    # The newest one whose key begins so.
    assert printed("pip-one", "fifth", "no-such", "npm-") == ["fourth"]
    assert printed("pip", "sixth") == []
    # Other paths are another cache.
    assert printed("npm-one", "seventh", paths="made/**") == []
    assert printed("h-$(codebuild-hash-files '*.nothing')", "eighth") == []
    assert printed("h-$(codebuild-hash-files '*.nothing')", "ninth") == ["eighth"]


def test_no_secret_is_in_the_name_of_a_cache(shop: Workshop, bucket: str) -> None:
    parameter = {"Name": shop.name, "Value": "a-secret-value", "Type": "String"}
    client_of(shop.server, "ssm").put_parameter(**parameter)
    rich = Workshop(shop.server, allow(["s3:*", "ssm:GetParameters"]))
    text = yaml.safe_load(text_of(*MAKE, paths=["made"], key="k-$SECRET"))
    text["env"] = {"parameter-store": {"SECRET": shop.name}}
    build = rich.build(rich.project(yaml.safe_dump(text), cache={"type": "S3", "location": f"{bucket}/secret"}))
    assert "Unable to download cache: its key has the value of a secret in it" in rich.log(build)
    assert not [name for name in objects(shop.server, bucket) if name.startswith("secret/")]


def test_projects_share_what_they_name_alike(shop: Workshop, bucket: str) -> None:
    cache = {"type": "S3", "location": f"{bucket}/shared", "cacheNamespace": "team/one"}
    text = text_of(
        "cat made/word 2>/dev/null; mkdir -p made; echo $CODEBUILD_BUILD_NUMBER >made/word", paths=["made/*"], key="k"
    )
    first, second, other = (
        shop.project(text, cache=each)
        for each in (cache, cache, cache | {"cacheNamespace": f"team/two-{uuid.uuid4().hex}"})
    )
    assert shop.printed(shop.build(first)) == []
    assert shop.printed(shop.build(second)) == ["1"]
    assert shop.printed(shop.build(other)) == []


def test_a_cache_that_cannot_be_had_fails_no_build(shop: Workshop, bucket: str) -> None:
    poor = Workshop(shop.server)
    text = text_of(SEEN, *MAKE, paths=["made"])
    build = poor.build(poor.project(text, cache={"type": "S3", "location": f"{bucket}/poor"}))
    assert build["buildStatus"] == "SUCCEEDED"
    assert "Unable to download cache: AccessDenied: " in poor.log(build)
    assert "Unable to upload cache: AccessDenied: " in poor.log(build)
    s3 = client_of(shop.server, "s3")
    project = shop.project(text, cache={"type": "S3", "location": f"{bucket}/broken"})
    shop.build(project)
    (name,) = [name for name in objects(shop.server, bucket) if name.startswith("broken/")]
    hostile = io.BytesIO()
    with tarfile.open(fileobj=hostile, mode="w:gz") as packing:
        for path in ("sources/../../x", "/etc/x", "kept/env.sh", "elsewhere/x", "sources", "home/ok"):
            member = tarfile.TarInfo(path)
            member.size = 3
            packing.addfile(member, io.BytesIO(b"ok\n"))
        device = tarfile.TarInfo("home/device")
        device.type = tarfile.CHRTYPE
        packing.addfile(device)
    for content, told in ((hostile.getvalue(), "Restored 7 file(s)"), (b"no cache", "Unable to download cache: it ")):
        s3.put_object(Bucket=bucket, Key=name, Body=content)
        seen = text_of("ls ~ ..; echo $A", paths=["made"], action="restore")
        build = shop.build(project, buildspecOverride=seen)
        assert build["buildStatus"] == "SUCCEEDED", shop.log(build)
        assert told in shop.log(build)
        assert ("ok" in shop.printed(build)) == told.startswith("Restored")
        assert not {"x", "device", "elsewhere"} & set(shop.printed(build))


@pytest.mark.parametrize(
    "cache",
    [
        {"type": "S3"},
        {"type": "S3", "location": "/prefix"},
        {"type": "LOCAL"},
        {"type": "LOCAL", "modes": ["LOCAL_DOCKER_LAYER_CACHE"]},
    ],
)
def test_what_no_cache_can_be(shop: Workshop, cache: dict[str, Any]) -> None:
    with refused("InvalidInputException"):
        shop.project(text_of("true"), cache=cache)


def test_only_who_may_resets_a_cache(shop: Workshop) -> None:
    with refused("ResourceNotFoundException"):
        shop.client.invalidate_project_cache(projectName="never-there")
    iam = client_of(shop.server, "iam")
    iam.create_user(UserName=shop.name)
    other = shop.project(text_of("true"))
    policy = document(allow("codebuild:InvalidateProjectCache", f"arn:aws:codebuild:*:*:project/{other}"))
    iam.put_user_policy(UserName=shop.name, PolicyName="p", PolicyDocument=policy)
    given = iam.create_access_key(UserName=shop.name)["AccessKey"]
    client = shop.server.client(
        "codebuild", aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretAccessKey"]
    )
    client.invalidate_project_cache(projectName=other)
    with refused("AccessDeniedException"):
        client.invalidate_project_cache(projectName=shop.project(text_of("true")))
