"""The room of a build, left in order whatever went wrong in it."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.services.codebuild.building import demand_sandbox

from strongroom.runners import job_users
from strongroom.runners.probe import SandboxUnavailable
from strongroom.runners.trees import remove_tree
from strongroom.services.codebuild.buildspec.specification import read_specification
from strongroom.services.codebuild.running.room import Room

SPECIFICATION = "{version: 0.2, phases: {build: {run-as: nobody, commands: [id]}}}"


def room_of(data: Path) -> Room:
    """Return a room for a build of which nothing else is there."""
    settings = {
        "environment": {"image": "host", "computeType": "BUILD_GENERAL1_SMALL"},
        "source": {"type": "NO_SOURCE"},
        "secondarySources": [],
        "encryptionKey": "key",
        "logsConfig": {"cloudWatchLogs": {"status": "DISABLED"}},
    }
    named = {"account_id": "123456789012", "region": "us-east-1", "project": "p", "uuid": "u"}
    row = SimpleNamespace(settings=settings, build_number=1, initiator="root", submitted_at=0.0, **named)
    house = SimpleNamespace(
        configuration=SimpleNamespace(sandbox="bubblewrap", data=data, build_git_sources=()), doors=None
    )
    log = SimpleNamespace(take=_take, mask=lambda values: None)
    return Room(cast(Any, house), row, cast(Any, None), cast(Any, log))


async def _take(output: bytes) -> None:
    pass


def _refuse(*_: Any) -> Any:
    raise SandboxUnavailable("there is no sandbox")


@pytest.mark.parametrize("step", ["Launch.start", "Sandbox._make_group", "Launch.ask"])
def test_another_user_who_cannot_come_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    demand_sandbox()

    async def fail() -> None:
        room = room_of(tmp_path)
        await room.make()
        base, owner = room.base, room.sandbox.owner
        await room.fetch_sources()
        await room.begin(read_specification(SPECIFICATION), {}, "")
        with monkeypatch.context() as failing:
            failing.setattr(f"strongroom.runners.sandbox.{step}", _refuse)
            with pytest.raises(SandboxUnavailable):
                await room.become("nobody")
        await room.close()
        assert not base.exists()
        assert owner not in job_users._taken

    asyncio.run(fail())


def test_a_place_in_a_vpc_and_an_image_are_free_whatever_becomes_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demand_sandbox()
    left: list[str] = []

    async def leave() -> None:
        left.append("VPC")

    def fail(path: Path) -> None:
        left.append("files")
        raise RecursionError

    async def close() -> None:
        room = room_of(tmp_path)
        await room.make()
        base = room.base
        room._attachment = cast(Any, SimpleNamespace(release=leave))
        room._root = cast(Any, SimpleNamespace(release=lambda: left.append("image")))
        with monkeypatch.context() as failing:
            failing.setattr("strongroom.services.codebuild.running.room.remove_tree", fail)
            with pytest.raises(RecursionError):
                await room.close()
        remove_tree(base)

    asyncio.run(close())
    assert left == ["image", "VPC", "files"]
