"""Reports that builds make: of what their tests said, as their service role, with secrets masked."""

import io
import json
import secrets
import uuid
import zipfile
from typing import Any

import pytest
import yaml
from tests.faults.plain_client import JSON, exchange, head_of, signed_headers
from tests.running_server import RunningServer
from tests.services.codebuild.building import ENVIRONMENT, Workshop, allow, client_of, context, demand_sandbox

WRITES = [
    "codebuild:CreateReportGroup",
    "codebuild:CreateReport",
    "codebuild:UpdateReport",
    "codebuild:BatchPutTestCases",
    "codebuild:BatchPutCodeCoverages",
]

JUNIT = (
    '<testsuite name="suite"><testcase classname="c" name="good" time="1.5"/>'
    '<testcase classname="c" name="bad of $1" time="0.5"><failure message="got $1">'
    "trace of $2</failure></testcase></testsuite>"
)
COBERTURA = (
    '<coverage><packages><package><classes><class filename="a.py"><lines><line number="1" hits="1"/>'
    '<line number="2" hits="0"/></lines></class><class filename="b.py"><lines><line number="1" hits="1"/>'
    "</lines></class></classes></package></packages></coverage>"
)
MANY = "import json; print(json.dumps([{'name': 'f', 'elements': [{'name': str(n), 'steps': [{'result': {'status': "
MANY += "'failed' if n > 590 else 'passed'}}]} for n in range(600)]}]))"


def text_of(reports: dict[str, Any], *commands: str) -> str:
    phases = {"build": {"commands": [*commands, "mkdir -p out/deep"]}}
    text: str = yaml.safe_dump({"version": 0.2, "phases": phases, "reports": reports}, sort_keys=False)
    return text


def write(path: str, content: str) -> str:
    return f"mkdir -p $(dirname {path}); printf %s '{content}' >{path}"


@pytest.fixture(scope="module")
def reporting(server: RunningServer) -> Workshop:
    """A workshop whose role may make reports, read secrets and store objects."""
    demand_sandbox()
    return Workshop(server, allow(WRITES), allow(["secretsmanager:GetSecretValue", "s3:PutObject", "kms:*"]))


def described(workshop: Workshop, arns: list[str]) -> list[dict[str, Any]]:
    by_arn = {each["arn"]: each for each in workshop.client.batch_get_reports(reportArns=arns)["reports"]}
    return [by_arn[arn] for arn in arns]


def arns_of(workshop: Workshop, build_id: str) -> list[str]:
    arns: list[str] = workshop.found(build_id)["reportArns"]
    return arns


def cases_of(workshop: Workshop, arn: str, **wanted: Any) -> list[dict[str, Any]]:
    pages = workshop.client.get_paginator("describe_test_cases").paginate(reportArn=arn, **wanted)
    return [case for page in pages for case in page["testCases"]]


def test_a_build_reports_tests_and_coverage(reporting: Workshop) -> None:
    value = secrets.token_hex(16)
    secret = client_of(reporting.server, "secretsmanager").create_secret(Name=reporting.name, SecretString=value)
    variable = {"name": "SECRET", "type": "SECRETS_MANAGER", "value": secret["ARN"]}
    junit = JUNIT.replace("$1", "'$SECRET'").replace("$2", "'$(printf %s $SECRET | base64 -w0)'")
    reports = {
        "tests": {"files": ["**/*.xml"], "base-directory": "out/junit"},
        "$GROUP": {"files": ["out/coverage.xml"], "file-format": "CoberturaXml"},
        "many": {"files": ["out/many.json"], "file-format": "CUCUMBERJSON"},
    }
    commands = (
        write("out/junit/deep/one.xml", junit),
        write("out/coverage.xml", COBERTURA),
        f'python3 -c "{MANY}" >out/many.json; export GROUP=coverage',
    )
    project = reporting.project(
        text_of(reports, *commands), environment=ENVIRONMENT | {"environmentVariables": [variable]}
    )
    build = reporting.build(project)
    log = reporting.log(build)
    assert build["buildStatus"] == "SUCCEEDED", log
    tests, coverage, many = described(reporting, build["reportArns"])
    assert tests["reportGroupArn"].endswith(f":report-group/{project}-tests")
    assert (tests["type"], tests["status"], tests["truncated"]) == ("TEST", "FAILED", False)
    assert tests["executionId"] == build["arn"]
    assert (tests["expired"] - tests["created"]).days == 30
    assert tests["testSummary"] == {
        "total": 2,
        "statusCounts": {"SUCCEEDED": 1, "FAILED": 1, "ERROR": 0, "SKIPPED": 0, "UNKNOWN": 0},
        "durationInNanoSeconds": 2_000_000_000,
    }
    good, bad = cases_of(reporting, tests["arn"])
    assert (good["prefix"], good["name"], good["status"], good["testSuiteName"]) == ("c", "good", "SUCCEEDED", "suite")
    assert good["testRawDataPath"].endswith("/src/out/junit/deep/one.xml")
    assert (bad["name"], bad["message"]) == ("bad of ***", "got ***\ntrace of ***")
    assert value not in log
    assert [case["name"] for case in cases_of(reporting, tests["arn"], filter={"keyword": "goo"})] == ["good"]
    assert (coverage["type"], coverage["status"]) == ("CODE_COVERAGE", "SUCCEEDED")
    assert coverage["codeCoverageSummary"]["linesCovered"] == 2
    assert coverage["codeCoverageSummary"]["lineCoveragePercentage"] == pytest.approx(200 / 3)
    client = reporting.client
    page = client.describe_code_coverages(
        reportArn=coverage["arn"], sortBy="LINE_COVERAGE_PERCENTAGE", sortOrder="DESCENDING"
    )
    assert [(file["filePath"], file["lineCoveragePercentage"]) for file in page["codeCoverages"]] == [
        ("b.py", 100.0),
        ("a.py", 50.0),
    ]
    most = client.describe_code_coverages(reportArn=coverage["arn"], maxLineCoveragePercentage=50.0)
    assert [file["filePath"] for file in most["codeCoverages"]] == ["a.py"]
    assert (many["truncated"], many["testSummary"]["total"], many["testSummary"]["statusCounts"]["FAILED"]) == (
        True,
        600,
        9,
    )
    kept = cases_of(reporting, many["arn"])
    assert (len(kept), kept[-1]["name"]) == (500, "599")
    assert len(cases_of(reporting, many["arn"], filter={"status": "FAILED"})) == 9
    listed = client.list_reports_for_report_group(reportGroupArn=tests["reportGroupArn"], filter={"status": "FAILED"})
    assert listed["reports"] == [tests["arn"]]
    with_tests_again = reporting.build(project)
    newest = client.list_reports(maxResults=3)["reports"]
    assert sorted(newest) == sorted(with_tests_again["reportArns"])
    trend = client.get_report_group_trend(reportGroupArn=tests["reportGroupArn"], trendField="PASS_RATE")
    assert trend["stats"] == {"average": "50.0", "max": "50.0", "min": "50.0"}
    assert [each["reportArn"] for each in trend["rawData"]] == [with_tests_again["reportArns"][0], tests["arn"]]
    with pytest.raises(client.exceptions.InvalidInputException):
        client.delete_report_group(arn=tests["reportGroupArn"])
    client.delete_report(arn=tests["arn"])
    assert client.batch_get_reports(reportArns=[tests["arn"]])["reportsNotFound"] == [tests["arn"]]
    client.delete_report_group(arn=tests["reportGroupArn"], deleteReports=True)
    assert client.batch_get_reports(reportArns=[trend["rawData"][0]["reportArn"]])["reports"] == []


def test_raw_files_are_exported_under_the_groups_key(reporting: Workshop) -> None:
    s3, bucket = client_of(reporting.server, "s3"), f"reports-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    key = client_of(reporting.server, "kms").create_key()["KeyMetadata"]["Arn"]
    arns = []
    for packaging in ("NONE", "ZIP"):
        destination = {"bucket": bucket, "path": "p", "packaging": packaging, "encryptionKey": key}
        group = reporting.client.create_report_group(
            name=f"{reporting.name}-{packaging}",
            type="TEST",
            exportConfig={"exportConfigType": "S3", "s3Destination": destination},
        )
        arns.append(group["reportGroup"]["arn"])
    report = {"files": ["out/**/*"], "discard-paths": "yes"}
    build = reporting.build(
        reporting.project(text_of(dict.fromkeys(arns, report), write("out/deep/one.xml", "<testsuite/>")))
    )
    assert build["buildStatus"] == "SUCCEEDED", reporting.log(build)
    plain, zipped = described(reporting, build["reportArns"])
    assert (plain["status"], plain["testSummary"]["total"]) == ("SUCCEEDED", 0)
    assert plain["exportConfig"]["s3Destination"]["encryptionKey"] == key
    below = [f"p/{each['name']}/{each['arn'].rpartition(':')[2]}" for each in (plain, zipped)]
    stored = s3.get_object(Bucket=bucket, Key=f"{below[0]}/one.xml")
    assert (stored["Body"].read(), stored["SSEKMSKeyId"]) == (b"<testsuite/>", key)
    archive = s3.get_object(Bucket=bucket, Key=f"{below[1]}.zip")
    assert archive["SSEKMSKeyId"] == key
    with zipfile.ZipFile(io.BytesIO(archive["Body"].read())) as opened:
        assert opened.namelist() == ["one.xml"]


def test_what_cannot_be_reported_fails_the_build_and_says_why(reporting: Workshop) -> None:
    account = reporting.role.split(":")[4]
    elsewhere = f"arn:aws:codebuild:us-east-1:{account}:report-group/{uuid.uuid4().hex}"
    reports = {
        "absent": {"files": ["no/such"]},
        "nowhere": {"files": ["*"], "base-directory": "/etc"},
        "other": {"files": ["out/*.xml"]},
        elsewhere: {"files": ["out/*.xml"]},
        "fine": {"files": ["out/a.xml"]},
    }
    commands = (write("out/a.xml", '<testsuite><testcase name="a"/></testsuite>'), write("out/b.xml", "<coverage/>"))
    build = reporting.build(reporting.project(text_of(reports, *commands)))
    assert build["buildStatus"] == "FAILED"
    status, code, message = context(build, "UPLOAD_ARTIFACTS")
    assert (status, code) == ("FAILED", "CLIENT_ERROR")
    assert "absent: [report files not found in build]" in message
    assert "nowhere: [no matching base directory path found for /etc]" in message
    assert "/out/b.xml: expected element type <testsuite> but have <coverage>]]" in message
    assert f"{elsewhere}: [report group not found]" in message
    assert "fine" not in message
    found = described(reporting, build["reportArns"])
    assert [each["status"] for each in found] == ["INCOMPLETE", "INCOMPLETE", "INCOMPLETE", "SUCCEEDED"]
    assert found[2]["testSummary"]["total"] == 1


@pytest.mark.parametrize("missing", ["codebuild:CreateReportGroup", "codebuild:CreateReport", "codebuild:UpdateReport"])
def test_a_role_that_may_not_report_fails_the_build(reporting: Workshop, missing: str) -> None:
    poor = Workshop(reporting.server, allow([action for action in WRITES if action != missing]))
    build = poor.build(poor.project(text_of({"r": {"files": ["a.xml"]}}, write("a.xml", "<testsuite/>"))))
    message = context(build, "UPLOAD_ARTIFACTS")[2]
    assert message.startswith("Error in UPLOAD_ARTIFACTS phase: [r: [error ")
    assert "AccessDeniedException: User: " in message
    assert f"not authorized to perform: {missing} on resource: " in message
    found = described(poor, build["reportArns"]) if "reportArns" in build else []
    assert [each["status"] for each in found] == (["INCOMPLETE"] if missing == "codebuild:UpdateReport" else [])


def test_builds_that_make_a_report_group_at_the_same_time(reporting: Workshop) -> None:
    project = reporting.project(text_of({"r": {"files": ["a.xml"]}}, write("a.xml", "<testsuite/>")))
    builds = [reporting.client.start_build(projectName=project)["build"]["id"] for _ in range(4)]
    assert [reporting.ended(build)["buildStatus"] for build in builds] == ["SUCCEEDED"] * 4
    (group,) = {
        report["reportGroupArn"] for build in builds for report in described(reporting, arns_of(reporting, build))
    }
    assert group.endswith(f"/{project}-r")


def test_no_client_writes_reports(reporting: Workshop, server: RunningServer) -> None:
    group = reporting.client.create_report_group(
        name=f"{reporting.name}-own", type="TEST", exportConfig={"exportConfigType": "NO_EXPORT"}
    )["reportGroup"]["arn"]
    body = json.dumps({"reportGroupArn": group, "buildArn": "forged"}).encode()
    asked = {"Content-Type": JSON, "X-Amz-Target": "CodeBuild_20161006.CreateReport"}
    headers = signed_headers(server.https, body, asked, service="codebuild")
    answer = exchange(server, head_of(headers) + body, secure=True)
    assert answer is not None
    assert answer.code == "UnknownOperationException"
    path = "/service/CodeBuild_20161006/operation/CreateReport"
    asked = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    headers = signed_headers(server.https + path, b"\xa0", asked, service="codebuild")
    answer = exchange(server, head_of(headers, target=path) + b"\xa0", secure=True)
    assert answer is not None
    assert answer.status in {400, 404}
    assert reporting.client.list_reports_for_report_group(reportGroupArn=group)["reports"] == []
