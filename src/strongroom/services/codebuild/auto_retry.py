"""Builds that failed, started again by themselves as often as their settings say: by RetryBuild, as the service role.

A build that is to be started again is in a state of its own from its end on, in the same transaction, until it was, or
could not be: neither is forgotten when a server is killed between the two.

Source: AWS CodeBuild User Guide, "Retry builds automatically"; API Reference, AutoRetryConfig.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from strongroom.base.errors import AwsError
from strongroom.operations.house import House
from strongroom.services.codebuild import tables
from strongroom.services.codebuild.build_record import FAILED, Progress, name_of
from strongroom.services.codebuild.service_role import ServiceRole

_log = structlog.get_logger("strongroom.codebuild")


def state_after(status: str, settings: Mapping[str, Any], progress: Progress) -> str:
    """Return the state of a build that ended so."""
    retried = progress.get("auto_retry", {}).get("number", 0)
    is_due = status == FAILED and retried < settings.get("autoRetryLimit", 0)
    return tables.RETRYING if is_due else tables.ENDED


async def retry_what_is_due(house: House) -> None:
    """Start the builds again that are to be. What the service role may not, or no limit allows, is given up."""
    for row in await house.store.read(tables.retrying_builds):
        named = name_of(row)
        role = ServiceRole(house, named.project, row.settings["serviceRole"], f"AWSCodeBuild-{named.uuid}")
        try:
            # Should another server do the same, or we have done it and not heard of it, it is the same request.
            await role.perform("codebuild", "RetryBuild", {"id": named.id, "idempotencyToken": f"auto-{named.uuid}"})
        except AwsError as error:
            if error.status >= 500:
                continue
            _log.warning("a build is not tried again", build=named.id, code=error.code)
            await _give_up(house, row.number)


async def _give_up(house: House, number: int) -> None:
    values = {"state": tables.ENDED}
    await house.store.write(lambda connection: tables.update_build(connection, number, (tables.RETRYING,), values))
