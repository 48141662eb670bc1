"""What the role may do that `strongroom build run` makes for one build: read what it was told of, and log.

Source: AWS CodeBuild User Guide, "Allow CodeBuild to interact with other AWS services"; "Allow CodeBuild access to AWS
services required to create a VPC network interface".
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from strongroom.base.arn import partition_of
from strongroom.base.errors import OperatorError

SERVICE = "codebuild.amazonaws.com"
_LOGS = ["CreateLogGroup", "CreateLogStream", "PutLogEvents"]
_REPORTS = ["CreateReportGroup", "CreateReport", "UpdateReport", "BatchPutTestCases", "BatchPutCodeCoverages"]
_LOOKS = ["ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"]


class Home(NamedTuple):
    """The account and the Region that a build is in."""

    account_id: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of something in them."""
        return f"arn:{partition_of(self.region)}:{service}:{self.region}:{self.account_id}:{resource}"


class Network(NamedTuple):
    """The VPC configuration of a build."""

    vpc_id: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]


def policy_document(*statements: Mapping[str, Any]) -> str:
    """Return a policy of some statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def trust(project_arn: str) -> dict[str, Any]:
    """Return the statement by which CodeBuild, for one project and no other, may be the role."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": SERVICE},
        "Action": "sts:AssumeRole",
        "Condition": {"ArnEquals": {"aws:SourceArn": project_arn}},
    }


def logging(home: Home, log_group: str) -> dict[str, Any]:
    """Return the statement that lets a build log to a group, and make it."""
    group = home.arn("logs", f"log-group:{log_group}")
    return _allow([f"logs:{action}" for action in _LOGS], [group, f"{group}:*"])


def reporting(home: Home, project: str) -> dict[str, Any]:
    """Return the statement that lets a build make reports, in report groups that are named after its project.

    Source: AWS CodeBuild User Guide, "Test report permissions".
    """
    return _allow([f"codebuild:{action}" for action in _REPORTS], home.arn("codebuild", f"report-group/{project}-*"))


def joining(home: Home, network: Network) -> list[dict[str, Any]]:
    """Return the statements that let a build be in a VPC."""
    parts = ["network-interface/*", *(f"subnet/{each}" for each in network.subnets)]
    parts += [f"security-group/{each}" for each in network.security_groups]
    return [_allow(_LOOKS, "*"), _allow("ec2:CreateNetworkInterface", [home.arn("ec2", part) for part in parts])]


def reading(session: Any, home: Home, parameters: Iterable[str], secrets: Iterable[str]) -> list[dict[str, Any]]:
    """Return the statements that let a build read parameters and secrets, and use the keys that they are under.

    They are looked up as who runs the command. Raises OperatorError for what is not there.
    """
    statements = []
    read_parameters, keys = _parameters(session, home, sorted(set(parameters)))
    if read_parameters:
        statements.append(_allow("ssm:GetParameters", read_parameters))
        statements += _decrypting(session, home, keys, "ssm")
    read_secrets, keys = _secrets(session, sorted(set(secrets)))
    if read_secrets:
        statements.append(_allow("secretsmanager:GetSecretValue", read_secrets))
        statements += _decrypting(session, home, keys, "secretsmanager")
    return statements


def _parameters(session: Any, home: Home, names: Sequence[str]) -> tuple[list[str], set[str]]:
    arns, keys = [], set()
    client = session.client("ssm") if names else None
    for text in names:
        # What is asked for may have a version or a label behind its name, an ARN as well.
        name = text.split(":parameter", 1)[-1] if text.startswith("arn:") else text
        name = name.split(":", 1)[0]
        named = [{"Key": "Name", "Values": [name]}]
        found = client.describe_parameters(ParameterFilters=named)["Parameters"] if client is not None else []
        if not found:
            raise OperatorError(f"there is no parameter {name}")
        arns.append(home.arn("ssm", f"parameter/{name.removeprefix('/')}"))
        if found[0].get("KeyId"):
            keys.add(found[0]["KeyId"])
    return arns, keys


def _secrets(session: Any, ids: Sequence[str]) -> tuple[list[str], set[str]]:
    arns, keys = [], set()
    client = session.client("secretsmanager") if ids else None
    for secret_id in ids:
        try:
            found = client.describe_secret(SecretId=secret_id) if client is not None else {}
        except client.exceptions.ResourceNotFoundException:  # type: ignore[union-attr]
            raise OperatorError(f"there is no secret {secret_id}") from None
        arns.append(found["ARN"])
        if found.get("KmsKeyId"):
            keys.add(found["KmsKeyId"])
    return arns, keys


def _decrypting(session: Any, home: Home, key_ids: Iterable[str], service: str) -> list[dict[str, Any]]:
    """Return the statement that lets a service decrypt under keys; the keys that AWS manages need none."""
    client = session.client("kms")
    described = [client.describe_key(KeyId=key_id)["KeyMetadata"] for key_id in sorted(key_ids)]
    arns = [key["Arn"] for key in described if key["KeyManager"] == "CUSTOMER"]
    if not arns:
        return []
    via = {"StringEquals": {"kms:ViaService": f"{service}.{home.region}.amazonaws.com"}}
    return [_allow("kms:Decrypt", arns) | {"Condition": via}]


def _allow(action: str | list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}
