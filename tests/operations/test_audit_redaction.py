"""What the services around secrets are told and tell is left out of the audit trail, whatever their models mark."""

from typing import Any

import pytest

from strongroom.model.service import service_model
from strongroom.model.shapes import Shape

CANARY = "canary"

TELLING = [
    ("secretsmanager", "CreateSecret", ("SecretString", "SecretBinary")),
    ("secretsmanager", "PutSecretValue", ("SecretString", "SecretBinary")),
    ("secretsmanager", "UpdateSecret", ("SecretString", "SecretBinary")),
    ("secretsmanager", "GetSecretValue", ("SecretString", "SecretBinary")),
    ("secretsmanager", "BatchGetSecretValue", ("SecretString", "SecretBinary")),
    ("secretsmanager", "GetRandomPassword", ("RandomPassword",)),
    ("ssm", "PutParameter", ("Value",)),
    ("ssm", "GetParameter", ("Value",)),
    ("ssm", "GetParameters", ("Value",)),
    ("ssm", "GetParametersByPath", ("Value",)),
    ("ssm", "GetParameterHistory", ("Value",)),
    ("logs", "PutLogEvents", ("message",)),
    ("logs", "GetLogEvents", ("message",)),
    ("logs", "FilterLogEvents", ("message",)),
    ("logs", "GetLogRecord", ("logRecord",)),
    ("logs", "GetQueryResults", ("value",)),
    ("logs", "TestMetricFilter", ("eventMessage", "extractedValues", "logEventMessages")),
]


def filled(shape: Shape | None, secret: tuple[str, ...], told: str = "", depth: int = 0) -> Any:
    """Return a value of a shape in which every secret member holds the canary."""
    if shape is None or depth > 7:
        return None
    if shape.type == "structure":
        return {
            name: filled(member.target, secret, CANARY if name in secret and name != "Tags" else told, depth + 1)
            for name, member in shape.members.items()
        }
    if shape.type == "list":
        return [filled(shape.element.target, secret, told, depth + 1)]
    if shape.type == "map":
        return {"key": filled(shape.entry[1].target, secret, told, depth + 1)}
    return told or "harmless"


@pytest.mark.parametrize(("service", "name", "secret"), TELLING)
def test_nothing_secret_is_kept(service: str, name: str, secret: tuple[str, ...]) -> None:
    operation = service_model(service).operations[name]
    asked, answered = filled(operation.input, secret), filled(operation.output, secret)
    told = repr(asked) + repr(answered)
    if service == "ssm":
        # Tags have a Value too, which is none.
        for tag in asked.get("Tags") or ():
            tag["Value"] = "harmless"
    assert CANARY in told
    assert CANARY not in repr(operation.redacted(asked))
    assert operation.output is None or CANARY not in repr(operation.redacted_answer(answered))
