"""The log of a build on its way: none of it is lost between the last regular sending and the end."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from strongroom.services.codebuild.running import log as module
from strongroom.services.codebuild.running.log import BuildLog


class SlowLogs:
    """A role that CloudWatch Logs takes its time with."""

    role_arn = "arn"

    def __init__(self) -> None:
        self.sending, self.may_go_on = asyncio.Event(), asyncio.Event()
        self.kept: list[str] = []

    async def perform(self, service: str, name: str, params: dict[str, Any]) -> dict[str, Any]:
        if name == "PutLogEvents":
            self.sending.set()
            await self.may_go_on.wait()
            self.kept += [event["message"] for event in params["logEvents"]]
        return {}


def test_what_is_on_its_way_arrives_though_the_build_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.0)

    async def scene() -> list[str]:
        role, clock = SlowLogs(), SimpleNamespace(now=lambda: 0.0)
        log = BuildLog(role, clock, ("group", "stream"), None)  # type: ignore[arg-type]
        await log.take(b"first\n")
        await log.open()
        await role.sending.wait()
        await log.take(b"last\n")
        closing = asyncio.create_task(log.close({}))
        await asyncio.sleep(0)
        role.may_go_on.set()
        await closing
        return role.kept

    assert asyncio.run(scene()) == ["first\n", "last\n"]
