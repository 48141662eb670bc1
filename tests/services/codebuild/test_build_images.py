"""Builds in root file systems of their own, and as other users: what an image is, and what of it a build gets."""

import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.runners.images.made import Blobs, config, docker_archive, entry, layer, registry, small_system
from tests.running_server import RunningServer, running_server
from tests.services.codebuild.building import ENVIRONMENT, Workshop, context, demand_sandbox, specification
from tests.services.refusals import refused

from strongroom.services.codebuild.running.root_file_systems import copy_home

SYSTEM = layer(*small_system())
ADDED = layer(
    entry("root/.profile", "of the image's home\n"),
    entry("root/.wh.nothing"),
    entry("opt/tool", "#!/bin/sh\necho the tool of $0 as $(id -u)\n", mode=0o4755),
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The operator's folder of images. Every user may read it, which a directory of pytest's is not made for."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)
        settings = config(SYSTEM, ADDED, Env=["PATH=/opt:/bin", "OF_IMAGE=yes", "HOME=/nowhere"])
        docker_archive(folder / "small.tar", SYSTEM, ADDED, settings=settings)
        (folder / "aws" / "codebuild").mkdir(parents=True)
        Blobs(SYSTEM).layout(folder / "aws" / "codebuild" / "standard:7.0")
        (folder / "empty").mkdir()
        (folder / "broken.tar").write_bytes(layer(entry("manifest.json", "{}")))
        with tarfile.open(folder / "small.tar") as archive:
            archive.extractall(folder, filter="data", members=[archive.getmember("0/layer.tar")])
        with tarfile.open(folder / "0" / "layer.tar") as files:
            files.extractall(folder / "plain", filter="data")
        # What is in an image is not the operator's; what the operator links to within the folder is.
        (folder / "plain" / "out").symlink_to("/")
        (folder / "plain" / "sub").mkdir()
        (folder / "plain" / "sub" / "back").symlink_to(folder / "empty")
        (folder / "outside").symlink_to("/usr")
        (folder / "circle").symlink_to("circle")
        (folder / "aws" / "alias").symlink_to("../plain")
        yield folder


@pytest.fixture(scope="module")
def registry_host() -> Iterator[str]:
    with registry(team_small__1=Blobs(SYSTEM, ADDED)) as made:
        yield made.host


@pytest.fixture(scope="module")
def allowing(tmp_path_factory: pytest.TempPathFactory, folder: Path, registry_host: str) -> Iterator[RunningServer]:
    demand_sandbox()
    options = ("--build-images", str(folder), "--build-registries", f"http://{registry_host}")
    with running_server(tmp_path_factory.mktemp("server"), options=options) as server:
        yield server


@pytest.fixture(scope="module")
def shop(allowing: RunningServer) -> Workshop:
    return Workshop(allowing)


def built(shop: Workshop, image: str, *commands: str, **phases: Any) -> dict[str, Any]:
    return shop.build(shop.project(specification(*commands, **phases), environment=ENVIRONMENT | {"image": image}))


SEEN = ("id -u; id -un", "ls /; cat /etc/hosts", "touch /bin/x || echo closed", "touch ~/x /tmp/x && echo open")


@pytest.mark.parametrize(
    "name", ["small", "small.tar", "aws/codebuild/standard:7.0", "plain", "aws/alias", "REGISTRY/team_small:1"]
)
def test_a_build_sees_its_image_and_not_this_machine(shop: Workshop, registry_host: str, name: str) -> None:
    image = name.replace("REGISTRY", registry_host)
    build = built(shop, image, *SEEN)
    assert build["buildStatus"] == "SUCCEEDED", shop.log(build)
    assert build["environment"]["image"] == image
    printed = shop.printed(build)
    assert printed[:2] == ["0", "root"]
    tops = printed[2 : printed.index("127.0.0.1 localhost sandbox")]
    assert set(tops) >= {"bin", "codebuild", "dev", "etc", "proc", "root", "tmp"}
    assert not {"home", "srv", "media", "mnt", "boot"} & set(tops)
    assert printed[-1] == "open"
    assert "closed" in printed


def test_what_comes_with_an_image(shop: Workshop) -> None:
    build = built(
        shop, "small", "tool; echo $OF_IMAGE $HOME $CODEBUILD_BUILD_IMAGE; cat ~/.profile", "echo x >~/.profile"
    )
    assert shop.printed(build) == ["the tool of /opt/tool as 0", "yes /root small", "of the image's home"]
    # The next build has it as it came.
    assert shop.printed(built(shop, "small", "cat ~/.profile")) == ["of the image's home"]


def test_what_not_every_user_may_read_is_in_no_home(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "home").mkdir()
    for name, mode in (("private", 0o600), ("public", 0o644), ("program", 0o755)):
        (tmp_path / "root" / name).write_text(name)
        (tmp_path / "root" / name).chmod(mode)
    copy_home(tmp_path, tmp_path / "home")
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["program", "public"]


def test_an_image_is_unpacked_once_and_its_layers_are_shared(shop: Workshop, folder: Path) -> None:
    def unpacked() -> dict[str, int]:
        return {each.name: each.stat().st_ino for each in (shop.server.data / "cache" / "images").iterdir()}

    built(shop, "small", "true")
    before = unpacked()
    built(shop, "small.tar", "true")
    assert unpacked() == before
    assert not any(name.startswith(".new-") for name in before)


@pytest.mark.parametrize(
    "name",
    [
        *("aws/codebuild/standard:6.0", "never-there", "../plain", "plain/..", "/", "/etc", "./plain", ".."),
        *("plain/out", "plain/out/etc", "plain/sub", "plain/sub/back", "plain/etc/passwd", "aws/alias/sub"),
        *("outside", "outside/lib", "circle"),
        *("example.com/app:1", "docker.io/library/alpine", "127.0.0.1:1/team_small:1"),
    ],
)
def test_no_other_image_than_the_operator_allows(shop: Workshop, name: str) -> None:
    environment = ENVIRONMENT | {"image": name}
    with refused("InvalidInputException", match="is not supported here"):
        shop.project(specification("true"), environment=environment)
    project = shop.project(specification("true"))
    with refused("InvalidInputException", match="is not supported here"):
        shop.client.start_build(projectName=project, imageOverride=name)
    with refused("InvalidInputException", match="is not supported here"):
        shop.client.update_project(name=project, environment=environment)


@pytest.mark.parametrize("name", ["broken", "REGISTRY/team_small:2"])
def test_an_image_that_cannot_be_had_fails_the_build(shop: Workshop, registry_host: str, name: str) -> None:
    image = name.replace("REGISTRY", registry_host)
    build = built(shop, image, "echo never")
    status, code, message = context(build, "PROVISIONING")
    assert (build["buildStatus"], status, code) == ("FAILED", "FAILED", "BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE")
    assert message.startswith(f"Unable to pull customer's container image. CannotPullContainerError: {image}: ")


def test_an_image_without_a_shell_runs_nothing(shop: Workshop) -> None:
    build = built(shop, "empty", "echo never")
    assert build["buildStatus"] == "FAILED"
    status, _, message = context(build, "BUILD")
    assert (status, message) == ("FAILED", "The build's environment ended before its commands did.")


def run_as(build: str, **phases: str) -> str:
    """Return a specification whose phases tell who they are, each as a user (none for the empty name)."""
    told = "echo $(id -u):$(id -g) $KEPT $(cat kept 2>/dev/null); export KEPT=$KEPT$(id -u); id -u >>kept"
    of_phase = {
        name: {"commands": [told]} | ({"run-as": user} if user else {})
        for name, user in (phases | {"build": build}).items()
    }
    return yaml.safe_dump({"version": 0.2, "env": {"exported-variables": ["KEPT"]}, "phases": of_phase})


def test_phases_run_as_users_of_the_image(shop: Workshop) -> None:
    project = shop.project(run_as("ann", install="", post_build="bob"), environment=ENVIRONMENT | {"image": "small"})
    build = shop.build(project)
    assert build["buildStatus"] == "SUCCEEDED", shop.log(build)
    # Variables, the directory and the files are those of the build, whoever runs its commands.
    assert shop.printed(build) == ["0:0", "1000:1001 0 0", "70:70 01000 0 1000"]
    assert build["exportedEnvironmentVariables"] == [{"name": "KEPT", "value": "0100070"}]
    environment = ENVIRONMENT | {"image": "small"}
    text = yaml.safe_dump({"version": 0.2, "run-as": "carl", "phases": {"build": {"commands": ["id -u"]}}})
    assert context(shop.build(shop.project(text, environment=environment)), "DOWNLOAD_SOURCE") == (
        *("FAILED", "YAML_FILE_ERROR"),
        "run-as: the build image has no user named carl",
    )


def test_on_the_host_there_are_few_users(shop: Workshop) -> None:
    build = shop.build(shop.project(run_as("root", install="", post_build="nobody")))
    assert [line.partition(" ")[0] for line in shop.printed(build)] == ["993:993", "0:0", "65534:65534"]
    # Being root in a sandbox is a name: it may no more than anybody else.
    text = yaml.safe_dump(
        {
            "version": 0.2,
            "run-as": "root",
            "phases": {
                "build": {
                    "commands": ["cat /etc/shadow; chown 1 . ; mount -t tmpfs x /tmp; grep Cap /proc/self/status"]
                }
            },
        }
    )
    printed = shop.printed(shop.build(shop.project(text)))
    assert sum("0000000000000000" in line for line in printed if line.startswith("Cap")) == 5
    assert any("shadow" in line for line in printed)
    assert any(line.startswith("chown: ") for line in printed)


def test_a_user_that_comes_finds_the_credentials_where_they_were(shop: Workshop) -> None:
    asked = 'curl -s -o /dev/null -w "%{http_code}\\n" -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" $URI'
    command = "export URI=$AWS_CONTAINER_CREDENTIALS_FULL_URI; " + asked
    phases = {"install": {"commands": [command]}, "build": {"run-as": "nobody", "commands": [command]}}
    build = shop.build(shop.project(yaml.safe_dump({"version": 0.2, "phases": phases})))
    assert shop.printed(build) == ["200", "200"]


def test_a_build_is_stopped_while_another_user_runs_it(shop: Workshop) -> None:
    phases = {
        "install": {"commands": ["sleep 0"]},
        "build": {"run-as": "nobody", "commands": ["echo begun.; sleep 100"]},
    }
    started = shop.client.start_build(projectName=shop.project(yaml.safe_dump({"version": 0.2, "phases": phases})))
    build_id = started["build"]["id"]
    shop.until(build_id, lambda build: build["currentPhase"] == "BUILD" and shop.printed(build) == ["begun."])
    shop.client.stop_build(id=build_id)
    assert shop.ended(build_id)["buildStatus"] == "STOPPED"


def test_runtimes_are_those_that_the_host_has(shop: Workshop) -> None:
    found = os.popen("/usr/bin/python3 --version").read().split()[1].split(".")
    version = ".".join(found[:2])
    text: dict[str, Any] = {"install": {"runtime-versions": {"python": version}}, "build": {"commands": ["echo ran"]}}
    build = shop.build(shop.project(yaml.safe_dump({"version": 0.2, "phases": text})))
    assert shop.printed(build) == ["ran"]
    assert f"Selecting 'python' runtime version '{version}' based on manual selections..." in shop.log(build)
    text = {"install": {"runtime-versions": {"python": "latest"}}, "build": {"commands": ["echo never"]}}
    project = shop.project(
        yaml.safe_dump({"version": 0.2, "phases": text}), environment=ENVIRONMENT | {"image": "small"}
    )
    assert context(shop.build(project), "DOWNLOAD_SOURCE") == (
        *("FAILED", "YAML_FILE_ERROR"),
        "This build image does not support selecting runtime versions.",
    )
