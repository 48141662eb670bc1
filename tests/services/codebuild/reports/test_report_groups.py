"""Report groups, as clients make and change them."""

import uuid
from typing import Any

import pytest
from tests.running_server import RunningServer
from tests.services.codebuild.building import allow, cbor_client, client_of, document
from tests.services.refusals import refused

NO_EXPORT = {"exportConfigType": "NO_EXPORT"}


@pytest.fixture(scope="module")
def codebuild(server: RunningServer) -> Any:
    return client_of(server, "codebuild")


def named() -> str:
    return f"g{uuid.uuid4().hex[:10]}"


def made(codebuild: Any, **members: Any) -> dict[str, Any]:
    settings = {"name": named(), "type": "TEST", "exportConfig": NO_EXPORT} | members
    group: dict[str, Any] = codebuild.create_report_group(**settings)["reportGroup"]
    return group


def test_a_report_group_is_made_described_changed_and_deleted(server: RunningServer, codebuild: Any) -> None:
    group = made(codebuild, tags=[{"key": "k", "value": "v"}])
    assert group["arn"] == f"arn:aws:codebuild:us-east-1:{group['arn'].split(':')[4]}:report-group/{group['name']}"
    assert (group["type"], group["status"], group["exportConfig"]) == ("TEST", "ACTIVE", NO_EXPORT)
    assert group["tags"] == [{"key": "k", "value": "v"}]
    with refused("ResourceAlreadyExistsException"):
        made(codebuild, name=group["name"])
    export = {"exportConfigType": "S3", "s3Destination": {"bucket": "reports", "path": "a/b", "packaging": "ZIP"}}
    changed = cbor_client(server).update_report_group(arn=group["arn"], exportConfig=export)["reportGroup"]
    assert changed["exportConfig"]["s3Destination"] == {
        "bucket": "reports",
        "path": "a/b",
        "packaging": "ZIP",
        "encryptionDisabled": False,
    }
    assert changed["tags"] == group["tags"]
    assert changed["lastModified"] >= changed["created"] == group["created"]
    missing = group["arn"] + "-not"
    answer = codebuild.batch_get_report_groups(reportGroupArns=[group["arn"], missing, "nonsense"])
    assert [each["arn"] for each in answer["reportGroups"]] == [group["arn"]]
    assert answer["reportGroupsNotFound"] == [missing, "nonsense"]
    with refused("ResourceNotFoundException"):
        codebuild.update_report_group(arn=missing, exportConfig=NO_EXPORT)
    codebuild.delete_report_group(arn=group["arn"])
    codebuild.delete_report_group(arn=group["arn"])
    assert codebuild.batch_get_report_groups(reportGroupArns=[group["arn"]])["reportGroups"] == []


def test_report_groups_are_listed_page_by_page(codebuild: Any) -> None:
    arns = [made(codebuild, name=f"{prefix}{named()}")["arn"] for prefix in ("zz", "yy", "xx")]

    def listed(**order: Any) -> list[str]:
        found: list[str] = []
        for page in codebuild.get_paginator("list_report_groups").paginate(**order, PaginationConfig={"PageSize": 1}):
            assert len(page["reportGroups"]) <= 1
            found += [arn for arn in page["reportGroups"] if arn in arns]
        return found

    assert listed() == arns[::-1]
    assert listed(sortBy="CREATED_TIME") == arns
    assert listed(sortBy="NAME", sortOrder="DESCENDING") == arns
    with refused("InvalidInputException"):
        codebuild.list_report_groups(nextToken="never-given")
    assert codebuild.list_shared_report_groups()["reportGroups"] == []
    assert codebuild.list_shared_projects()["projects"] == []


@pytest.mark.parametrize(
    "members",
    [
        {"name": "with space"},
        {"name": "-begins"},
        {"exportConfig": {}},
        {"exportConfig": {"exportConfigType": "S3"}},
        {"exportConfig": {"exportConfigType": "S3", "s3Destination": {"bucket": "Not A Bucket"}}},
        {"exportConfig": {"exportConfigType": "S3", "s3Destination": {"bucket": "bucket", "bucketOwner": "me"}}},
        {"exportConfig": NO_EXPORT | {"s3Destination": {"bucket": "bucket"}}},
        {"tags": [{"key": "aws:x", "value": "v"}]},
    ],
)
def test_report_groups_that_cannot_be(codebuild: Any, members: dict[str, Any]) -> None:
    with refused("InvalidInputException"):
        made(codebuild, **members)


def test_what_is_no_report_is_not_there(codebuild: Any) -> None:
    group = made(codebuild)
    arn = group["arn"].replace("report-group/", "report/") + f":{uuid.uuid4()}"
    assert codebuild.batch_get_reports(reportArns=[arn, "x"])["reportsNotFound"] == [arn, "x"]
    for describe, code in (
        (codebuild.describe_test_cases, "ResourceNotFoundException"),
        (codebuild.describe_code_coverages, "InvalidInputException"),
    ):
        with refused(code, f"Report cannot be found: {arn}"):
            describe(reportArn=arn)
        with refused("InvalidInputException"):
            describe(reportArn=group["arn"])
    codebuild.delete_report(arn=arn)
    with refused("InvalidInputException"):
        codebuild.delete_report(arn="arn:aws:codebuild:us-east-1:999999999999:report/g:" + str(uuid.uuid4()))
    with refused("ResourceNotFoundException"):
        codebuild.list_reports_for_report_group(reportGroupArn=group["arn"] + "x")
    with refused("InvalidInputException", match="LINE_COVERAGE"):
        codebuild.get_report_group_trend(reportGroupArn=group["arn"], trendField="LINE_COVERAGE")
    assert codebuild.get_report_group_trend(reportGroupArn=group["arn"], trendField="TOTAL")["rawData"] == []


def test_a_user_may_what_the_policies_say(server: RunningServer, codebuild: Any) -> None:
    iam = client_of(server, "iam")
    user = named()
    iam.create_user(UserName=user)
    mine, other = made(codebuild, tags=[{"key": "team", "value": "a"}]), made(codebuild)
    tagged = allow("codebuild:BatchGetReportGroups") | {"Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}}}
    ours = {"Condition": {"StringEquals": {"codebuild:exportConfig.s3Destination.bucket": "ours"}}}
    making = allow("codebuild:CreateReportGroup") | ours
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document(tagged, making))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    client = server.client(
        "codebuild", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    assert client.batch_get_report_groups(reportGroupArns=[mine["arn"]])["reportGroups"][0]["name"] == mine["name"]
    with refused("AccessDeniedException"):
        client.batch_get_report_groups(reportGroupArns=[mine["arn"], other["arn"]])
    with refused("AccessDeniedException"):
        client.batch_get_report_groups(reportGroupArns=["nonsense"])
    with refused("AccessDeniedException"):
        client.delete_report_group(arn=mine["arn"])
    to = {"exportConfigType": "S3", "s3Destination": {"bucket": "theirs"}}
    with refused("AccessDeniedException"):
        made(client, exportConfig=to)
    made(client, exportConfig=to | {"s3Destination": {"bucket": "ours"}})
