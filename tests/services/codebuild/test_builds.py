"""Builds that run: their commands, their phases, what is told of them, and how they are stopped and started again."""

import uuid

import pytest
from tests.services.codebuild.building import Workshop, cbor_client, client_of, context, phase, specification, statuses
from tests.services.refusals import refused

PHASES = (
    *("SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"),
    *("UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED"),
)


def test_a_build_runs_and_its_log_is_in_cloudwatch_logs(workshop: Workshop) -> None:
    project = workshop.project(specification("echo hello", "printf 'no end of line'"))
    started = workshop.client.start_build(projectName=project)["build"]
    assert (started["buildStatus"], started["currentPhase"]) == ("IN_PROGRESS", "QUEUED")
    assert (started["buildNumber"], started["buildComplete"], started["initiator"]) == (1, False, "root")
    build = workshop.ended(started["id"])
    assert (build["buildStatus"], build["currentPhase"]) == ("SUCCEEDED", "COMPLETED")
    assert statuses(build) == dict.fromkeys(PHASES, "SUCCEEDED") | {"COMPLETED": ""}
    assert context(build, "BUILD") == ("SUCCEEDED", "", "")
    assert "contexts" not in phase(build, "QUEUED")
    assert build["startTime"] <= phase(build, "INSTALL")["startTime"] <= build["endTime"]
    assert build["arn"].endswith(f":build/{build['id']}")
    assert build["logs"]["groupName"] == f"/aws/codebuild/{project}"
    assert build["logs"]["streamName"] == build["id"].partition(":")[2]
    assert workshop.printed(build) == ["hello", "no end of line"]
    log = workshop.log(build)
    assert "Running command echo hello\nhello\n" in log
    assert "no end of line\n[Container] " in log


def test_clients_that_speak_cbor_see_the_same(workshop: Workshop) -> None:
    client = cbor_client(workshop.server)
    assert client.meta.service_model.resolved_protocol == "smithy-rpc-v2-cbor"
    project = workshop.project(specification("echo hello"))
    build = workshop.ended(client.start_build(projectName=project)["build"]["id"])
    assert client.batch_get_builds(ids=[build["id"]])["builds"] == [build]
    assert client.batch_get_projects(names=[project])["projects"][0]["created"] < build["startTime"]
    with refused("ResourceNotFoundException"):
        client.start_build(projectName=f"{project}-missing")


def test_all_commands_share_variables_and_the_directory(workshop: Workshop) -> None:
    build = workshop.run(
        "cd /tmp && export WORD='it is' && PLAIN=kept",
        'echo "$WORD $PLAIN $(pwd)"',
        'cat <<END\nseveral lines\nEND\necho "of $0"',
        install=["export EARLY=1"],
        post_build=['echo "$EARLY $CODEBUILD_BUILD_SUCCEEDING"'],
    )
    printed = workshop.printed(build)
    assert printed[:2] == ["it is kept /tmp", "several lines"]
    assert printed[-1] == "1 1"


def test_in_version_0_1_each_command_is_alone(workshop: Workshop) -> None:
    text = 'version: 0.1\nphases:\n  build:\n    commands: ["export A=1; cd /", "echo [$A]; pwd"]\n'
    build = workshop.build(workshop.project(text))
    assert workshop.printed(build)[0] == "[]"
    assert workshop.printed(build)[1].endswith("/src")


def test_much_output_arrives_whole(workshop: Workshop) -> None:
    build = workshop.run("printf '\\303'; sleep 0.1; printf '\\266\\n'; seq 1 60000 | sed 's/$/ and some more of it/'")
    assert build["buildStatus"] == "SUCCEEDED"
    place = {"logGroupName": build["logs"]["groupName"], "logStreamNames": [build["logs"]["streamName"]]}
    pages = client_of(workshop.server, "logs").get_paginator("filter_log_events").paginate(**place)
    lines = [event["message"] for page in pages for event in page["events"]]
    printed = [line for line in lines if not line.startswith("[Container] ")]
    assert printed == ["ö\n", *(f"{number} and some more of it\n" for number in range(1, 60_001))]


def test_a_specification_may_want_bash(workshop: Workshop) -> None:
    text = (
        'version: 0.2\nenv: {shell: bash}\nphases:\n  build:\n    commands: ["A=(x y)", "echo ${BASH_VERSION:+yes}"]\n'
    )
    assert workshop.printed(workshop.build(workshop.project(text))) == ["yes"]


def test_a_command_that_fails_fails_the_build(workshop: Workshop) -> None:
    build = workshop.run("echo before", "exit 3", "echo never", post_build=["echo $CODEBUILD_BUILD_SUCCEEDING"])
    assert build["buildStatus"] == "FAILED"
    assert context(build, "BUILD") == (
        *("FAILED", "COMMAND_EXECUTION_ERROR"),
        "Error while executing command: exit 3. Reason: exit status 3",
    )
    assert statuses(build)["UPLOAD_ARTIFACTS"] == "SUCCEEDED"
    assert workshop.printed(build) == ["before", "0"]


def test_a_phase_before_the_build_that_fails_is_the_last(workshop: Workshop) -> None:
    build = workshop.run("echo never", pre_build=["no-such-program"])
    assert list(statuses(build))[-3:] == ["PRE_BUILD", "FINALIZING", "COMPLETED"]
    assert "exit status 127" in context(build, "PRE_BUILD")[2]
    assert any("no-such-program: not found" in line for line in workshop.printed(build))


SIX_REPORTS = "{" + ", ".join(f"r{number}: {{files: ['*']}}" for number in range(6)) + "}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("version: 0.3\nphases: {build: {commands: [a]}}\n", "version"),
        ("version: 0.2\nphases: {build: {commands: [a], run-as: ann}}\n", "the build image has no user named ann"),
        ("version: 0.2\nphases: {install: {runtime-versions: {python: 2.4}}}\n", "version named '2.4' of python"),
        ("version: 0.2\nphases: {install: {runtime-versions: {cobol: 1.0}}}\n", "Unknown runtime named 'cobol'. This"),
        ("version: 0.2\nphases: {build: {commands: [a]}}\nbatch: {fast-fail: true}\n", "batch is not served here"),
        (f"version: 0.2\nphases: {{build: {{commands: [a]}}}}\nreports: {SIX_REPORTS}\n", "at most 5 report groups"),
    ],
)
def test_a_specification_that_cannot_be_is_refused(workshop: Workshop, text: str, told: str) -> None:
    build = workshop.build(workshop.project(text))
    status, code, message = context(build, "DOWNLOAD_SOURCE")
    assert (status, code) == ("FAILED", "YAML_FILE_ERROR")
    assert told in message
    assert build["buildStatus"] == "FAILED"


def test_exported_variables_are_told(workshop: Workshop) -> None:
    text = (
        "version: 0.2\nenv: {exported-variables: [A, MISSING, AWS_REGION], variables: {A: first}}\n"
        "phases: {build: {commands: ['export A=\"$A, second\"']}}\n"
    )
    build = workshop.build(workshop.project(text))
    assert build["exportedEnvironmentVariables"] == [
        {"name": "A", "value": "first, second"},
        {"name": "MISSING", "value": ""},
    ]


def test_what_is_overridden_holds_for_one_build(workshop: Workshop) -> None:
    variables = [{"name": "A", "value": "project's"}, {"name": "B", "value": "project's", "type": "PLAINTEXT"}]
    environment = {"type": "LINUX_CONTAINER", "image": "host", "computeType": "BUILD_GENERAL1_SMALL"}
    project = workshop.project(
        specification("echo never"), environment=environment | {"environmentVariables": variables}
    )
    command = "echo $A, $B, $C, $CODEBUILD_LOG_PATH"
    text = f'version: 0.2\nenv: {{variables: {{A: low, C: low}}}}\nphases: {{build: {{commands: ["{command}"]}}}}\n'
    build = workshop.build(
        project,
        buildspecOverride=text,
        environmentVariablesOverride=[{"name": "A", "value": "build's"}],
        timeoutInMinutesOverride=7,
        logsConfigOverride={"cloudWatchLogs": {"status": "ENABLED", "groupName": project, "streamName": "s"}},
    )
    assert workshop.printed(build) == [f"build's, project's, low, {build['logs']['streamName']}"]
    assert build["timeoutInMinutes"] == 7
    assert build["logs"]["groupName"] == project
    assert build["logs"]["streamName"] == f"s/{build['id'].partition(':')[2]}"
    assert workshop.client.batch_get_projects(names=[project])["projects"][0]["timeoutInMinutes"] == 60
    with refused("InvalidInputException"):
        workshop.client.start_build(projectName=project, imageOverride="aws/codebuild/standard:7.0")
    with refused("InvalidInputException"):
        workshop.client.start_build(projectName=project, privilegedModeOverride=True)


def test_a_build_that_runs_is_stopped_at_once(workshop: Workshop) -> None:
    project = workshop.project(specification("echo begun.; sleep 100", post_build=["echo never"]))
    build_id = workshop.client.start_build(projectName=project)["build"]["id"]
    workshop.until(build_id, lambda build: build["currentPhase"] == "BUILD" and workshop.printed(build) == ["begun."])
    workshop.client.stop_build(id=build_id)
    build = workshop.ended(build_id)
    assert build["buildStatus"] == "STOPPED"
    assert statuses(build)["BUILD"] == "STOPPED"
    assert list(statuses(build))[-2:] == ["FINALIZING", "COMPLETED"]
    assert workshop.printed(build) == ["begun."]


def test_a_build_is_retried_as_it_was(workshop: Workshop) -> None:
    project = workshop.project(specification("echo first"))
    first = workshop.build(project, buildspecOverride=specification("echo other"))
    again = workshop.ended(workshop.client.retry_build(id=first["arn"])["build"]["id"])
    assert again["id"] != first["id"]
    assert again["buildNumber"] == 2
    assert workshop.printed(again) == ["other"]


def test_builds_are_listed_and_deleted(workshop: Workshop) -> None:
    project = workshop.project(specification("true"))
    builds = [workshop.build(project)["id"] for _ in range(2)]
    listed = workshop.client.list_builds_for_project(projectName=project)["ids"]
    assert listed == builds[::-1]
    ascending = workshop.client.list_builds_for_project(projectName=project, sortOrder="ASCENDING")["ids"]
    assert ascending == builds
    assert set(builds) <= set(workshop.client.list_builds()["ids"])
    missing = f"{project}:{uuid.uuid4()}"
    found = workshop.client.batch_get_builds(ids=[*builds, missing])
    assert [build["id"] for build in found["builds"]] == builds
    assert found["buildsNotFound"] == [missing]
    done = workshop.client.batch_delete_builds(ids=[builds[0], missing])
    assert [arn.rpartition("/")[2] for arn in done["buildsDeleted"]] == builds[:1]
    assert [each["id"] for each in done["buildsNotDeleted"]] == [missing]
    assert workshop.client.list_builds_for_project(projectName=project)["ids"] == builds[1:]
    with refused("ResourceNotFoundException"):
        workshop.client.stop_build(id=missing)


def test_the_same_request_twice_starts_one_build(workshop: Workshop) -> None:
    project = workshop.project(specification("true"))
    first, second = (
        workshop.client.start_build(projectName=project, idempotencyToken="t")["build"]["id"] for _ in range(2)
    )
    assert first == second
    with refused("InvalidInputException"):
        workshop.client.start_build(projectName=project, idempotencyToken="t", timeoutInMinutesOverride=9)
    workshop.ended(first)


def test_no_more_builds_of_a_project_than_it_says(workshop: Workshop) -> None:
    project = workshop.project(specification("sleep 100"), concurrentBuildLimit=1)
    build_id = workshop.client.start_build(projectName=project)["build"]["id"]
    with refused("AccountLimitExceededException"):
        workshop.client.start_build(projectName=project)
    workshop.client.stop_build(id=build_id)
    assert workshop.ended(build_id)["buildStatus"] == "STOPPED"
    workshop.client.stop_build(id=workshop.client.start_build(projectName=project)["build"]["id"])


def test_a_build_is_contained(workshop: Workshop) -> None:
    data = str(workshop.server.data)
    build = workshop.run(
        f"cat {data}/strongroom.db && echo leak; ls {data} && echo leak; true",
        "cat /etc/shadow && echo leak; touch /usr/x && echo leak; true",
        "ls /codebuild/output/..; ls /dev/shm; cat /proc/1/environ | tr '\\0' '\\n' | grep -c SECRET_ACCESS; true",
        "python3 -c 'import socket; socket.create_connection((\"1.1.1.1\", 80), 1)' || echo unreachable",
    )
    printed = workshop.printed(build)
    assert "leak" not in printed
    assert "unreachable" in printed
    assert not any(line.startswith("strongroom-") for line in printed)


def test_a_role_that_may_not_log_fails_the_build(workshop: Workshop) -> None:
    poor = Workshop(workshop.server)
    poor.allow({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})
    build = poor.run("echo never")
    status, code, message = context(build, "PROVISIONING")
    assert (build["buildStatus"], status, code) == ("FAILED", "FAILED", "ACCESS_DENIED")
    assert message.startswith(f"Service role {poor.role} does not allow AWS CodeBuild to create Amazon CloudWatch Logs")
    assert "is not authorized to perform: logs:CreateLogStream on resource: " in message


def test_aws_clients_in_a_build_reach_this_server_as_its_role(workshop: Workshop) -> None:
    python = workshop.server.process is not None and "/usr/bin/python3"
    build = workshop.run(
        'curl -s -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" $AWS_CONTAINER_CREDENTIALS_FULL_URI >given',
        f"{python} -c \"import json; print(json.load(open('given'))['RoleArn'])\"",
        "curl -s -o /dev/null -w '%{http_code} ' $AWS_CONTAINER_CREDENTIALS_FULL_URI; echo",
        "cat given",
        'curl -s --cacert "$AWS_CA_BUNDLE" "$AWS_ENDPOINT_URL/_strongroom/health" | cut -c 1-15',
    )
    printed = workshop.printed(build)
    assert printed[:2] == [workshop.role, "403 "]
    assert '"SecretAccessKey": "***", "Token": "***"' in printed[2]
    assert printed[3] == '{"healthy":true'
