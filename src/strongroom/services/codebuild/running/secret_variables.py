"""Environment variables that are secrets: fetched as the service role, so that its permissions decide.

Source: AWS CodeBuild User Guide, "Build specification reference", env/parameter-store and env/secrets-manager; API
Reference, EnvironmentVariable.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.services.codebuild.buildspec.specification import Environment, SecretReference, secret_reference
from strongroom.services.codebuild.running.failures import PhaseFailed, told
from strongroom.services.codebuild.service_role import ServiceRole

PARAMETER_ERROR, SECRET_ERROR = "Decrypted Variables Error", "Secrets Manager Error"
PARAMETERS_MAX = 10


class Wanted:
    """The variables of one build, by where their values are. What a project says goes before the specification."""

    def __init__(self, specification: Environment, project: Sequence[Mapping[str, Any]]) -> None:
        self.plain = dict(specification.variables)
        self.parameters = dict(specification.parameters)
        self.secrets = dict(specification.secrets)
        for each in project:
            name = each["name"]
            for kind in (self.plain, self.parameters, self.secrets):
                kind.pop(name, None)
            if each["type"] == "PARAMETER_STORE":
                self.parameters[name] = each["value"]
            elif each["type"] == "SECRETS_MANAGER":
                self.secrets[name] = secret_reference(each["value"]) or SecretReference(each["value"])
            else:
                self.plain[name] = each["value"]


async def fetch_secrets(role: ServiceRole, wanted: Wanted) -> dict[str, str]:
    """Return the values of all variables that are secrets, by name. Raises PhaseFailed for the first one refused."""
    values: dict[str, str] = {}
    if wanted.parameters:
        found = await _parameters(role, sorted(set(wanted.parameters.values())))
        values |= {name: found[parameter] for name, parameter in wanted.parameters.items()}
    opened: dict[tuple[str, str, str], str] = {}
    for name, reference in wanted.secrets.items():
        key = (reference.secret_id, reference.version_stage, reference.version_id)
        if key not in opened:
            opened[key] = await _secret(role, reference)
        values[name] = _member(opened[key], reference) if reference.json_key else opened[key]
    for name, value in values.items():
        if "\0" in value:
            raise PhaseFailed(SECRET_ERROR, f"The value of {name} cannot be an environment variable.")
    return values


async def _parameters(role: ServiceRole, names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for begin in range(0, len(names), PARAMETERS_MAX):
        asked = names[begin : begin + PARAMETERS_MAX]
        try:
            answer = await role.perform("ssm", "GetParameters", {"Names": asked, "WithDecryption": True})
        except AwsError as error:
            raise PhaseFailed(PARAMETER_ERROR, told(error)) from None
        found |= _named(answer["Parameters"], asked)
    missing = [name for name in names if name not in found]
    if missing:
        raise PhaseFailed(PARAMETER_ERROR, f"parameter does not exist: {', '.join(missing)}")
    return found


def _named(parameters: Iterable[Mapping[str, Any]], asked: Sequence[str]) -> dict[str, str]:
    """Return the values by what was asked for: a name or an ARN, with a version or a label."""
    values = {}
    for each in parameters:
        selector = each.get("Selector") or ""
        for name in (each["Name"], each.get("ARN") or ""):
            if name + selector in asked:
                values[name + selector] = str(each["Value"])
    return values


async def _secret(role: ServiceRole, reference: SecretReference) -> str:
    params = {"SecretId": reference.secret_id}
    if reference.version_stage:
        params["VersionStage"] = reference.version_stage
    if reference.version_id:
        params["VersionId"] = reference.version_id
    try:
        answer = await role.perform("secretsmanager", "GetSecretValue", params)
    except AwsError as error:
        raise PhaseFailed(SECRET_ERROR, told(error)) from None
    if answer.get("SecretString") is None:
        raise PhaseFailed(SECRET_ERROR, f"The secret {reference.secret_id} is binary, and no environment variable.")
    return str(answer["SecretString"])


def _member(text: str, reference: SecretReference) -> str:
    try:
        members = json.loads(text)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise PhaseFailed(SECRET_ERROR, f"The secret {reference.secret_id} does not hold a JSON object.")
    if reference.json_key not in members:
        raise PhaseFailed(
            SECRET_ERROR, f"The secret {reference.secret_id} does not have the JSON key {reference.json_key}."
        )
    value = members[reference.json_key]
    return value if isinstance(value, str) else json.dumps(value)
