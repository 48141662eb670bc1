"""Secrets in the environment of builds: fetched as the service role, or refused; masked wherever they would show."""

import base64
import json
import secrets
import uuid
from typing import Any

import pytest
from tests.running_server import RunningServer
from tests.services.codebuild.building import ENVIRONMENT, LOGS, Workshop, allow, client_of, context, demand_sandbox

READ = (allow("ssm:GetParameters"), allow("secretsmanager:GetSecretValue"), allow("kms:Decrypt"))


@pytest.fixture(scope="module")
def trusted(server: RunningServer) -> Workshop:
    """A workshop whose role may read parameters and secrets."""
    demand_sandbox()
    return Workshop(server, *READ)


def parameter(server: RunningServer, value: str) -> str:
    name = f"/builds/{uuid.uuid4().hex}"
    client_of(server, "ssm").put_parameter(Name=name, Value=value, Type="SecureString")
    return name


def secret(server: RunningServer, value: str) -> str:
    arn: str = client_of(server, "secretsmanager").create_secret(Name=f"b-{uuid.uuid4().hex}", SecretString=value)[
        "ARN"
    ]
    return arn


def text_of(*commands: str, **env: Any) -> str:
    return json.dumps({"version": 0.2, "env": env, "phases": {"build": {"commands": list(commands)}}})


def test_secrets_of_the_specification_are_there_and_never_show(trusted: Workshop) -> None:
    value, other = secrets.token_hex(16), secrets.token_hex(16)
    arn = secret(trusted.server, json.dumps({"password": value, "port": 5432}))
    text = text_of(
        'test ${#PASSWORD} = 32 && test "$PORT" = 5432 && echo "they are there: $PASSWORD"',
        "echo $OTHER | base64 -w 0; echo; echo $OTHER | fold -w 7; echo $PASSWORD >&2",
        'printf "${OTHER%%????????????????}"; sleep 0.2; printf "${OTHER#????????????????}"; echo; echo $OTHER$OTHER',
        "export PLAIN=$OTHER; sh -c 'exit 3' $PLAIN",
        **{
            "secrets-manager": {"PASSWORD": f"{arn}:password", "PORT": f"{arn}:port::"},
            "parameter-store": {"OTHER": parameter(trusted.server, other)},
            "exported-variables": ["PASSWORD", "PLAIN"],
        },
    )
    build = trusted.build(trusted.project(text))
    log = trusted.log(build)
    assert "they are there: ***\n" in log
    told = json.dumps(build, default=str) + log
    for hidden in (value, other):
        assert hidden not in told.replace("\n", "")
        assert base64.b64encode(hidden.encode()).decode().rstrip("=") not in told
    assert build["exportedEnvironmentVariables"] == [{"name": "PLAIN", "value": "***"}]
    assert build["buildStatus"] == "FAILED"


def test_secrets_of_the_project_and_of_one_build(trusted: Workshop) -> None:
    value, other = secrets.token_hex(16), secrets.token_hex(16)
    variables = [
        {"name": "A", "type": "PARAMETER_STORE", "value": parameter(trusted.server, value)},
        {"name": "B", "type": "SECRETS_MANAGER", "value": secret(trusted.server, value)},
    ]
    check = f'test "$A" = "$B" && test $(printf %s "$A" | sha256sum | cut -c 1-8) = {_digest(value)}; echo $?'
    project = trusted.project(text_of(check), environment=ENVIRONMENT | {"environmentVariables": variables})
    assert trusted.printed(trusted.build(project)) == ["0"]
    overridden = [{"name": "A", "type": "SECRETS_MANAGER", "value": secret(trusted.server, other)}]
    assert trusted.printed(trusted.build(project, environmentVariablesOverride=overridden)) == ["1"]
    shown = trusted.client.batch_get_projects(names=[project])["projects"][0]["environment"]["environmentVariables"]
    assert shown == variables


def _digest(value: str) -> str:
    import hashlib

    return hashlib.sha256(value.encode()).hexdigest()[:8]


def test_a_role_that_may_not_fails_in_download_source(trusted: Workshop) -> None:
    poor = Workshop(trusted.server)
    name, arn = parameter(poor.server, "x" * 20), secret(poor.server, "x" * 20)
    session = f"assumed-role/{poor.name}/AWSCodeBuild-"
    for kind, where, code, action in (
        ("parameter-store", name, "Decrypted Variables Error", "ssm:GetParameters"),
        ("secrets-manager", arn, "Secrets Manager Error", "secretsmanager:GetSecretValue"),
    ):
        build = poor.build(poor.project(text_of("echo never", **{kind: {"A": where}})))
        status, told, message = context(build, "DOWNLOAD_SOURCE")
        assert (build["buildStatus"], status, told) == ("FAILED", "FAILED", code)
        assert message.startswith("AccessDeniedException: User: arn:aws:sts::")
        assert session in message
        assert f"is not authorized to perform: {action} on resource: " in message
        assert f"Phase context status code: {code} Message: {message}" in poor.log(build)


def test_the_key_of_a_parameter_decides_too(trusted: Workshop) -> None:
    half = Workshop(trusted.server, allow("ssm:GetParameters"))
    half.allow(LOGS, allow("ssm:GetParameters"), {"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*"})
    build = half.build(half.project(text_of("true", **{"parameter-store": {"A": parameter(half.server, "x" * 20)}})))
    assert "kms:Decrypt" in context(build, "DOWNLOAD_SOURCE")[2]


@pytest.mark.parametrize(
    ("kind", "where", "told"),
    [
        ("parameter-store", "/no/such", "parameter does not exist: /no/such"),
        ("secrets-manager", "no-such", "ResourceNotFoundException: Secrets Manager can't find the specified secret."),
    ],
)
def test_a_secret_that_is_not_there(trusted: Workshop, kind: str, where: str, told: str) -> None:
    build = trusted.build(trusted.project(text_of("true", **{kind: {"A": where}})))
    assert context(build, "DOWNLOAD_SOURCE")[2] == told


def test_a_secret_without_the_member(trusted: Workshop) -> None:
    arn = secret(trusted.server, json.dumps({"a": 1}))
    build = trusted.build(trusted.project(text_of("true", **{"secrets-manager": {"A": f"{arn}:b"}})))
    assert "does not have the JSON key b" in context(build, "DOWNLOAD_SOURCE")[2]
