"""Functions by boto3, through a real server: what the protocol makes of requests, answers and errors."""

import os
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.running_server import RunningServer
from tests.services.lambda_.functions import TRUST, archive


def _role(server: RunningServer) -> str:
    made = server.client("iam").create_role(RoleName=f"role-{uuid.uuid4().hex[:8]}", AssumeRolePolicyDocument=TRUST)
    return str(made["Role"]["Arn"])


def _creation(server: RunningServer, **params: Any) -> dict[str, Any]:
    return {
        "FunctionName": f"function-{uuid.uuid4().hex[:8]}",
        "Runtime": "python3.12",
        "Handler": "app.handler",
        "Role": _role(server),
        "Code": {"ZipFile": archive()},
    } | params


def test_boto3_makes_waits_for_describes_and_deletes_a_function(server: RunningServer) -> None:
    client = server.client("lambda")
    params = _creation(server, Environment={"Variables": {"NAME": "value"}}, Tags={"team": "a"})
    made = client.create_function(**params)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    name = params["FunctionName"]
    for waiter in ("function_exists", "function_active_v2", "function_updated_v2"):
        client.get_waiter(waiter).wait(FunctionName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    found = client.get_function(FunctionName=made["FunctionArn"])
    assert found["Tags"] == {"team": "a"}
    assert found["Configuration"]["Environment"] == {"Variables": {"NAME": "value"}}
    described = client.get_function_configuration(FunctionName=name, Qualifier="$LATEST")
    assert described["FunctionArn"] == made["FunctionArn"] + ":$LATEST"
    gone = client.delete_function(FunctionName=name)
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(ClientError) as refused:
        client.get_function(FunctionName=name)
    answer = refused.value.response
    assert answer["Error"]["Code"] == "ResourceNotFoundException"
    assert answer["Error"]["Message"] == f"Function not found: {made['FunctionArn']}"
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Type"]) == (404, "User")


def test_code_of_several_megabytes_comes_in_the_request_and_from_s3(server: RunningServer) -> None:
    client, s3 = server.client("lambda"), server.client("s3")
    code = archive({"app.py": "def handler(event, context): pass", "noise": os.urandom(3_000_000)})
    made = client.create_function(**_creation(server, Code={"ZipFile": code}))
    assert made["CodeSize"] == len(code)
    bucket = f"code-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="code.zip", Body=code)
    again = client.create_function(**_creation(server, Code={"S3Bucket": bucket, "S3Key": "code.zip"}))
    assert again["CodeSha256"] == made["CodeSha256"]
    with pytest.raises(ClientError, match="S3 Error Code: NoSuchKey"):
        client.create_function(**_creation(server, Code={"S3Bucket": bucket, "S3Key": "missing.zip"}))


def test_a_body_that_is_too_long_is_refused(server: RunningServer) -> None:
    client = server.client("lambda")
    with pytest.raises(ClientError) as refused:
        client.create_function(**_creation(server, Code={"ZipFile": bytes(53_000_000)}))
    assert refused.value.response["Error"]["Code"] == "RequestEntityTooLargeException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_who_names_no_access_key_is_refused_before_the_code_is_read(server: RunningServer) -> None:
    stranger = server.client("lambda", aws_access_key_id="AKIANOBODYNOBODY0001")
    with pytest.raises(ClientError) as refused:
        stranger.create_function(**_creation(server, Code={"ZipFile": os.urandom(3_000_000)}))
    assert refused.value.response["Error"]["Code"] == "UnrecognizedClientException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
