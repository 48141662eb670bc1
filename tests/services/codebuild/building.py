"""Builds on a real server, as tests ask for them."""

import json
import os
import time
import uuid
from typing import Any

import boto3
import pytest
from tests.runners.contained import why_not
from tests.running_server import RunningServer

TRUST = {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
ENVIRONMENT = {"type": "LINUX_CONTAINER", "image": "host", "computeType": "BUILD_GENERAL1_SMALL"}
LOGS = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
BUILD_SECONDS_MAX = 30.0


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def demand_sandbox() -> None:
    """Skip where builds cannot be contained, and fail there in CI."""
    reason = why_not()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def specification(*commands: str, **phases: list[str]) -> str:
    """Return a build specification whose phase BUILD has these commands."""
    every = {"build": list(commands)} | phases if commands else phases
    return json.dumps({"version": 0.2, "phases": {name: {"commands": each} for name, each in every.items()}})


_clients: dict[tuple[str, str], Any] = {}


def client_of(server: RunningServer, service: str) -> Any:
    """Return a client, made once for each server: to make one takes longer than most calls."""
    key = (server.https, service)
    if key not in _clients:
        _clients[key] = server.client(service)
    return _clients[key]


def cbor_client(server: RunningServer) -> Any:
    """Return a client that speaks the protocol that the service model names first; boto3 chooses another one."""
    session = boto3.session.Session()
    loader = session._session.get_component("data_loader")
    load = loader.load_service_model

    def load_with_one_protocol(service: str, kind: str, *arguments: Any, **named: Any) -> Any:
        model = load(service, kind, *arguments, **named)
        if service == "codebuild" and kind == "service-2":
            model["metadata"] |= {"protocols": [model["metadata"]["protocol"]]}
        return model

    loader.load_service_model = load_with_one_protocol
    return server.client("codebuild", session=session)


class Workshop:
    """CodeBuild of one server, with a role for the builds and a name that is this workshop's own."""

    def __init__(self, server: RunningServer, *statements: dict[str, Any]) -> None:
        self.server = server
        self.name = f"w{uuid.uuid4().hex[:10]}"
        self.client = client_of(server, "codebuild")
        self._iam = client_of(server, "iam")
        role = self._iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=document(TRUST))
        self.role: str = role["Role"]["Arn"]
        self.allow(LOGS, *statements)

    def allow(self, *statements: dict[str, Any]) -> None:
        """Have the role allowed exactly this."""
        self._iam.put_role_policy(RoleName=self.name, PolicyName="all", PolicyDocument=document(*statements))

    def project(self, buildspec: str = "", **members: Any) -> str:
        """Make a project and return its name; without a source unless `members` say otherwise."""
        name = f"{self.name}-{uuid.uuid4().hex[:6]}"
        settings: dict[str, Any] = {
            "source": {"type": "NO_SOURCE", "buildspec": buildspec},
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": ENVIRONMENT,
            "serviceRole": self.role,
        }
        self.client.create_project(name=name, **(settings | members))
        return name

    def build(self, project: str, **overrides: Any) -> dict[str, Any]:
        """Run a build of a project to its end."""
        return self.ended(self.client.start_build(projectName=project, **overrides)["build"]["id"])

    def run(self, *commands: str, **phases: list[str]) -> dict[str, Any]:
        """Run a build with these commands in its phase BUILD to its end."""
        return self.build(self.project(specification(*commands, **phases)))

    def found(self, build_id: str) -> dict[str, Any]:
        """Return a build as it is now."""
        build: dict[str, Any] = self.client.batch_get_builds(ids=[build_id])["builds"][0]
        return build

    def ended(self, build_id: str) -> dict[str, Any]:
        """Return a build when it has ended."""
        return self.until(build_id, lambda build: build["buildComplete"])

    def until(self, build_id: str, condition: Any) -> dict[str, Any]:
        """Return a build when something is true of it."""
        deadline = time.monotonic() + BUILD_SECONDS_MAX
        while not condition(build := self.found(build_id)):
            assert time.monotonic() < deadline, build
            time.sleep(0.04)
        return build

    def log(self, build: dict[str, Any]) -> str:
        """Return the log of a build."""
        place = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
        events = client_of(self.server, "logs").get_log_events(**place, startFromHead=True)["events"]
        return "".join(event["message"] for event in events)

    def printed(self, build: dict[str, Any]) -> list[str]:
        """Return the lines of a build's log that are not CodeBuild's own."""
        return [line for line in self.log(build).splitlines() if not line.startswith("[Container] ")]


def phase(build: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a phase of a build."""
    found: list[dict[str, Any]] = [each for each in build["phases"] if each["phaseType"] == name]
    assert len(found) == 1, build["phases"]
    return found[0]


def context(build: dict[str, Any], name: str) -> tuple[str, str, str]:
    """Return how a phase ended, and its context's code and message."""
    found = phase(build, name)
    (told,) = found["contexts"]
    return found["phaseStatus"], told["statusCode"], told["message"]


def statuses(build: dict[str, Any]) -> dict[str, str]:
    """Return how the phases of a build ended."""
    return {each["phaseType"]: each.get("phaseStatus", "") for each in build["phases"]}
