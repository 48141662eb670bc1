"""Sources of builds: archives and folders in S3, Git repositories, and where the specification is found."""

import io
import socket
import subprocess
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.running_server import RunningServer, running_server
from tests.services.codebuild.building import Workshop, allow, client_of, context, demand_sandbox, specification
from tests.services.refusals import refused


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("repositories")


@pytest.fixture(scope="module")
def silence() -> Iterator[str]:
    """Where somebody listens and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def allowing(tmp_path_factory: pytest.TempPathFactory, repositories: Path, silence: str) -> Iterator[RunningServer]:
    """A server whose operator lets builds clone from one directory, and from where nobody answers."""
    demand_sandbox()
    options = ("--build-git-sources", str(repositories), "--build-git-sources", f"{silence}/git")
    with running_server(tmp_path_factory.mktemp("server"), options=options) as server:
        yield server


@pytest.fixture(scope="module")
def fed(allowing: RunningServer) -> Workshop:
    """A workshop whose role may read from S3."""
    return Workshop(allowing, allow(["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"]))


@pytest.fixture(scope="module")
def bucket(allowing: RunningServer) -> str:
    name = f"sources-{uuid.uuid4().hex[:8]}"
    s3 = client_of(allowing, "s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def archive(**files: str) -> bytes:
    """Return a ZIP file; the names' double underscores stand for a slash, single ones for a dot."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name.replace("__", "/").replace("_", "."))
            entry.external_attr = (0o100755 if name.endswith("_sh") else 0o100644) << 16
            opened.writestr(entry, text)
    return made.getvalue()


def s3_source(location: str, **members: Any) -> dict[str, Any]:
    return {"type": "S3", "location": location, **members}


def test_an_archive_in_s3_is_unpacked(fed: Workshop, bucket: str) -> None:
    s3 = client_of(fed.server, "s3")
    files = {
        "buildspec_yml": specification("./inner/run.sh; echo more >>inner/run.sh"),
        "inner__run_sh": "#!/bin/sh\necho ran\n",
    }
    first = s3.put_object(Bucket=bucket, Key="a.zip", Body=archive(**files))["VersionId"]
    project = fed.project(source=s3_source(f"{bucket}/a.zip"))
    build = fed.build(project)
    assert (build["buildStatus"], fed.printed(build)) == ("SUCCEEDED", ["ran"])
    assert "YAML location is /codebuild/output/src" in fed.log(build)
    s3.put_object(Bucket=bucket, Key="a.zip", Body=archive(other_yml=specification("echo other")))
    assert fed.printed(fed.build(project, buildspecOverride="other.yml")) == ["other"]
    assert fed.printed(fed.build(project, sourceVersion=first)) == ["ran"]
    build = fed.build(project)
    status, code, message = context(build, "DOWNLOAD_SOURCE")
    assert (status, code) == ("FAILED", "YAML_FILE_ERROR")
    assert message.endswith("/src/buildspec.yml: no such file or directory")


def test_a_folder_in_s3_a_secondary_source_and_a_specification_of_its_own(fed: Workshop, bucket: str) -> None:
    s3 = client_of(fed.server, "s3")
    urls = "echo $CODEBUILD_SOURCE_REPO_URL $CODEBUILD_SOURCE_REPO_URL_more $CODEBUILD_SOURCE_VERSION_more"
    for key, text in (
        ("tree/a/b.txt", "deep"),
        ("tree/c.txt", "c"),
        (
            "spec.yml",
            specification(
                "cat a/b.txt c.txt; echo; cat $CODEBUILD_SRC_DIR_more/x $CODEBUILD_SRC_DIR_src/x; echo; " + urls
            ),
        ),
    ):
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
    version = s3.put_object(Bucket=bucket, Key="more.zip", Body=archive(x="other"))["VersionId"]
    s3.put_object(Bucket=bucket, Key="more.zip", Body=archive(x="newest"))
    project = fed.project(
        source=s3_source(f"{bucket}/tree/", buildspec=f"arn:aws:s3:::{bucket}/spec.yml"),
        # One is called as the directory of the primary source is.
        secondarySources=[
            s3_source(f"arn:aws:s3:::{bucket}/more.zip", sourceIdentifier=name) for name in ("more", "src")
        ],
        secondarySourceVersions=[{"sourceIdentifier": "more", "sourceVersion": version}],
    )
    told = f"s3://{bucket}/tree/ s3://{bucket}/more.zip {version}"
    assert fed.printed(fed.build(project)) == ["deepc", "othernewest", told]


def test_archives_that_lead_elsewhere_or_are_none(fed: Workshop, bucket: str) -> None:
    s3 = client_of(fed.server, "s3")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr("../../escaped", "x")
        opened.writestr("/absolute", "x")
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        opened.writestr(link, "/etc")
    s3.put_object(Bucket=bucket, Key="bad.zip", Body=made.getvalue())
    source = s3_source(
        f"{bucket}/bad.zip",
        buildspec=specification("find /codebuild/output/src* | sort | tail -1; ls /codebuild/output"),
    )
    printed = fed.printed(fed.build(fed.project(source=source)))
    assert printed[0].endswith("/src/absolute")
    assert "escaped" not in printed
    s3.put_object(Bucket=bucket, Key="none.zip", Body=b"no archive")
    build = fed.build(fed.project(source=s3_source(f"{bucket}/none.zip")))
    assert context(build, "DOWNLOAD_SOURCE")[1] == "CLIENT_ERROR"
    s3.put_object(Bucket=bucket, Key="long.zip", Body=archive(**{"x" * 300: "too long a name"}))
    build = fed.build(fed.project(source=s3_source(f"{bucket}/long.zip")))
    assert context(build, "DOWNLOAD_SOURCE")[2] == "The source cannot be unpacked: File name too long"
    build = fed.build(fed.project(source=s3_source(f"{bucket}/missing.zip")))
    assert context(build, "DOWNLOAD_SOURCE")[2].startswith("NoSuchKey: ")
    poor = Workshop(fed.server)
    build = poor.build(poor.project(source=s3_source(f"{bucket}/a.zip")))
    assert context(build, "DOWNLOAD_SOURCE")[2].startswith("AccessDenied: ")


def git(directory: Path, *arguments: str) -> str:
    command = ["git", "-C", str(directory), "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_repository_is_cloned_from_where_the_operator_allows(fed: Workshop, repositories: Path) -> None:
    repository = repositories / "app"
    repository.mkdir()
    git(repository, "init", "--quiet", "--initial-branch", "main")
    (repository / "buildspec.yml").write_text(specification("git status --short; git log -1 --format=%s"))
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "first")
    first = git(repository, "rev-parse", "HEAD")
    (repository / "spec-link.yml").symlink_to("/etc/shadow")
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "second")
    project = fed.project(source={"type": "GITHUB_ENTERPRISE", "location": str(repository)})
    build = fed.build(project)
    assert fed.printed(build) == ["second"], fed.log(build)
    assert build["resolvedSourceVersion"] == git(repository, "rev-parse", "HEAD")
    build = fed.build(project, sourceVersion=first)
    assert (fed.printed(build), build["resolvedSourceVersion"]) == (["first"], first)
    build = fed.build(project, sourceVersion="no-such-branch")
    assert context(build, "DOWNLOAD_SOURCE")[1] == "CLIENT_ERROR"
    # A link must not have the server read what the build could not.
    build = fed.build(project, buildspecOverride="spec-link.yml")
    assert context(build, "DOWNLOAD_SOURCE")[1] == "YAML_FILE_ERROR"
    assert "root:" not in fed.log(build)


def test_a_source_cache_keeps_the_repository_and_no_more(fed: Workshop, repositories: Path) -> None:
    repository = repositories / "kept"
    repository.mkdir()
    git(repository, "init", "--quiet", "--initial-branch", "main")

    def commit(text: str) -> None:
        (repository / "text").write_text(f"{text}\n")
        git(repository, "add", "-A")
        git(repository, "commit", "--quiet", "-m", text)

    commit("first")
    project = fed.project(
        source={
            "type": "GITHUB",
            "location": str(repository),
            "buildspec": specification("cat text; git remote get-url origin"),
        },
        cache={"type": "LOCAL", "modes": ["LOCAL_SOURCE_CACHE"]},
    )
    assert fed.printed(fed.build(project)) == ["first", str(repository)]
    (mirror,) = Path("/dev/shm").glob("strongroom-*/caches-*/*/git-*")
    before = mirror.stat().st_ino
    commit("second")
    build = fed.build(project)
    assert fed.printed(build) == ["second", str(repository)]
    assert build["resolvedSourceVersion"] == git(repository, "rev-parse", "HEAD")
    assert fed.printed(fed.build(project, sourceVersion="HEAD~1"))[0] == "first"
    assert mirror.stat().st_ino == before
    # What cannot be fetched any more is not there for builds either.
    repository.rename(repositories / "gone")
    assert context(fed.build(project), "DOWNLOAD_SOURCE")[:2] == ("FAILED", "CLIENT_ERROR")
    assert not mirror.exists()


def test_a_build_whose_source_does_not_come_is_stopped(fed: Workshop, silence: str) -> None:
    source = {"type": "GITLAB_SELF_MANAGED", "location": f"{silence}/git/x.git", "buildspec": specification("true")}
    build_id = fed.client.start_build(projectName=fed.project(source=source))["build"]["id"]
    fed.until(build_id, lambda build: build["currentPhase"] == "DOWNLOAD_SOURCE")
    fed.client.stop_build(id=build_id)
    assert context(fed.ended(build_id), "DOWNLOAD_SOURCE")[0] == "STOPPED"


@pytest.mark.parametrize(
    "location", ["/etc", "https://127.0.0.1/x.git", "{allowed}/../x", "file:///etc", "ext::sh -c id"]
)
def test_no_repository_from_anywhere_else(fed: Workshop, repositories: Path, location: str) -> None:
    source = {"type": "GITHUB", "location": location.format(allowed=repositories), "buildspec": specification("true")}
    build = fed.build(fed.project(source=source))
    status, _, message = context(build, "DOWNLOAD_SOURCE")
    assert (status, message.startswith("This server may not clone ")) == ("FAILED", True)


@pytest.mark.parametrize(
    "source",
    [
        {"type": "CODECOMMIT", "location": "x"},
        {"type": "CODEPIPELINE"},
        {"type": "S3", "location": "bucket-without-key"},
        {"type": "NO_SOURCE"},
        {"type": "NO_SOURCE", "buildspec": "buildspec.yml"},
        {"type": "GITHUB", "location": "https://x", "auth": {"type": "OAUTH"}},
        {"type": "GITHUB", "location": "https://x", "reportBuildStatus": True},
    ],
)
def test_sources_that_are_refused(fed: Workshop, source: dict[str, Any]) -> None:
    with refused("InvalidInputException"):
        fed.project(source=source)
