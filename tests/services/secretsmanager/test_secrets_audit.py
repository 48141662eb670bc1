"""What the audit trail tells of secrets, in CloudTrail's shape, and what it never holds; quotas."""

import json
from pathlib import Path

from tests.services.refusals import refused
from tests.services.secretsmanager.keeping import Keeper, keeping

from strongroom.model.service import service_model
from strongroom.operations.quotas.quota import QUOTAS
from strongroom.operations.registry import OPERATIONS
from strongroom.operations.trail import as_cloudtrail
from strongroom.services.secretsmanager.quotas import own_quota

VALUE = "the value that nobody should read"


def test_records_have_no_values(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        made = await secrets("CreateSecret", Name="s", SecretString=VALUE, Description="d")
        await secrets("PutSecretValue", SecretId="s", SecretBinary=VALUE.encode())
        await secrets("UpdateSecret", SecretId=made["ARN"], SecretString=VALUE)
        await secrets("GetSecretValue", SecretId="s")
        await secrets("BatchGetSecretValue", SecretIdList=["s", "nothing"])
        password = (await secrets("GetRandomPassword"))["RandomPassword"]
        with refused("ResourceNotFoundException"):
            await secrets("PutSecretValue", SecretId="nothing", SecretString=VALUE)
        records = await secrets.house.house.audit.records(0, secrets.house.clock.now() + 60)
        events = [as_cloudtrail(record) for record in records if record.service == "secretsmanager"]
        text = json.dumps(events)
        assert VALUE not in text
        assert password not in text
        of = {event["eventName"]: event for event in events if "errorCode" not in event}
        created = of["CreateSecret"]
        assert created["eventSource"] == "secretsmanager.amazonaws.com"
        assert created["requestParameters"]["name"] == "s"
        assert created["responseElements"] == {"arn": made["ARN"], "name": "s", "versionId": made["VersionId"]}
        assert created["resources"] == [
            {"accountId": "111122223333", "type": "AWS::SecretsManager::Secret", "ARN": made["ARN"]}
        ]
        read = of["GetSecretValue"]
        assert read["requestParameters"] == {"secretId": "s"}
        assert read["responseElements"] is None
        assert read["readOnly"] is True
        assert read["resources"][0]["ARN"] == made["ARN"]
        assert of["UpdateSecret"]["requestParameters"]["secretId"] == made["ARN"]
        # Each secret of a batch has a record of its own, the one that is not there too.
        assert [event["eventName"] for event in events].count("GetSecretValue") == 3

    keeping(tmp_path, body)


def test_every_operation_has_a_quota_that_the_documentation_names() -> None:
    served = [name for service, name in OPERATIONS if service == "secretsmanager"]
    assert set(service_model("secretsmanager").operations) - set(served) == {
        "AssociateCrossAccountReplica",
        "DisassociateCrossAccountReplica",
    }
    assert all(OPERATIONS["secretsmanager", name].quota is own_quota(name) for name in served)
    rates = {
        name: own_quota(name).default for name in ("GetSecretValue", "DescribeSecret", "ListSecrets", "RotateSecret")
    }
    assert rates == {"GetSecretValue": 10_000, "DescribeSecret": 40_000, "ListSecrets": 100, "RotateSecret": 50}
    assert own_quota("PutSecretValue") is own_quota("UpdateSecretVersionStage")
    names = {quota.name for quota in QUOTAS.values() if quota.service_code == "secretsmanager"}
    assert "Combined rate of TagResource and UntagResource API requests" in names
    assert "Rate of GetSecretValue API requests" in names
    assert QUOTAS["secretsmanager/Secrets"].default == 500_000


def test_a_rate_is_kept(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        with refused("ThrottlingException", "Rate exceeded"):
            for _ in range(500):
                await secrets("GetRandomPassword")

    keeping(tmp_path, body, request_quotas="on")
