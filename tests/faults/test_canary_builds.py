"""Every byte on the disk, the audit trail, the logs and the artifacts, searched for what passed through builds."""

import io
import json
import secrets
import zipfile
import zlib
from pathlib import Path

from tests.faults.secrets_on_disk import search
from tests.faults.test_canary import public_files, split, unsealed
from tests.faults.told_by_kms import Secrets
from tests.running_server import running_server
from tests.services.codebuild.building import ENVIRONMENT, Workshop, allow, demand_sandbox

PRINTS = (
    'echo "$SECRET $PARAMETER"; echo "$SECRET" | base64; printf %s "$PARAMETER" | base64 -w 0; echo; env | sort',
    'curl -s -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" $AWS_CONTAINER_CREDENTIALS_FULL_URI',
    'echo "$SECRET" >of-the-build; echo public >kept; export EXPORTED="$SECRET"',
    'sh -c "exit 3" "$SECRET" || true',
    'printf \'<testsuite name="%s"><testcase name="%s"><failure>%s</failure></testcase></testsuite>\''
    ' "$SECRET" "$PARAMETER" "$(printf %s "$SECRET" | base64)" >report.xml',
)

REPORTING = allow([f"codebuild:{name}" for name in ("CreateReportGroup", "*Report", "BatchPut*")])


def use_builds(workshop: Workshop, bucket: str) -> tuple[Secrets, list[bytes]]:
    """Run builds that do all they can to show their secrets. Return these, and what was told of the builds."""
    server = workshop.server
    told = {name: secrets.token_hex(24) for name in ("a secret", "a parameter", "a secret of a refused build")}
    secret = server.client("secretsmanager").create_secret(Name="s", SecretString=told["a secret"])["ARN"]
    refused = server.client("secretsmanager").create_secret(
        Name="r", SecretString=json.dumps({"a": told["a secret of a refused build"]})
    )["ARN"]
    server.client("ssm").put_parameter(Name="/p", Value=told["a parameter"], Type="SecureString")
    text = {
        "version": 0.2,
        "env": {"parameter-store": {"PARAMETER": "/p"}, "exported-variables": ["SECRET", "EXPORTED"]},
        "phases": {"build": {"commands": [*PRINTS, "false # $SECRET"]}},
        "artifacts": {"files": ["kept"]},
        "reports": {"tests": {"files": ["report.xml"]}},
    }
    variables = [{"name": "SECRET", "type": "SECRETS_MANAGER", "value": secret}]
    project = workshop.project(
        json.dumps(text),
        environment=ENVIRONMENT | {"environmentVariables": variables},
        artifacts={"type": "S3", "location": bucket, "packaging": "ZIP", "name": "kept.zip"},
        logsConfig={
            "cloudWatchLogs": {"status": "ENABLED"},
            "s3Logs": {"status": "ENABLED", "location": f"{bucket}/logs", "encryptionDisabled": True},
        },
    )
    shown = []
    for more in ({}, {"environmentVariablesOverride": [{**variables[0], "value": f"{refused}:missing"}]}):
        build = workshop.build(project, **more)
        assert build["buildStatus"] == "FAILED"
        shown += [json.dumps(build, default=str).encode(), workshop.log(build).encode()]
        for report in build.get("reportArns", []):
            described = workshop.client.describe_test_cases(reportArn=report)["testCases"]
            assert [(case["testSuiteName"], case["name"], case["message"]) for case in described] == [("***",) * 3]
            shown.append(json.dumps(described, default=str).encode())
    assert b"*** ***" in shown[1]
    assert len(shown) == 5
    s3 = server.client("s3")
    for each in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        content = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
        if each["Key"] == "kept.zip":
            with zipfile.ZipFile(io.BytesIO(content)) as opened:
                assert opened.namelist() == ["kept"]
        else:
            import gzip

            content = gzip.decompress(content)
        shown.append(content)
    return {name: value.encode() for name, value in told.items()}, shown


def test_nothing_of_a_builds_secrets_is_found(tmp_path: Path) -> None:
    demand_sandbox()
    with running_server(tmp_path, options=("--log-level", "debug")) as server:
        server.client("s3").create_bucket(Bucket="kept")
        reading = (allow(["ssm:GetParameters", "secretsmanager:GetSecretValue", "s3:PutObject", "kms:*"]), REPORTING)
        told, shown = use_builds(Workshop(server, *reading), "kept")
        assert server.stop() == 0
        left = [path for path in Path("/dev/shm").glob("strongroom-*/build-*/output/*") if path.is_file()]
        assert left == []
    assert search({f"what was told, {number}": text for number, text in enumerate(shown)}, told.items()) == []
    assert search(public_files(tmp_path), told.items()) == []
    kept, audit = split(unsealed(tmp_path))
    trail = b"\n".join(audit)
    assert b"BuildStateChange" in trail
    assert b"GetSecretValue" in trail
    assert search({"the audit trail": trail}, told.items()) == []
    # The log events are sealed, and so are the reports; what is sealed there was masked before.
    assert search({place: value for place, value in kept.items() if "logs" in place}, told.items()) == []
    reports = {place: zlib.decompress(value) for place, value in kept.items() if "codebuild_reports" in place}
    assert len(reports) == 1
    assert search(reports, told.items()) == []
