"""Functions that call this server, and whoever invokes them by boto3."""

import io
import json
import uuid
import zipfile
from typing import Any

import pytest
from tests.running_server import RunningServer
from tests.services.lambda_.functions import archive
from tests.services.lambda_.invocation.made_functions import LOGS, client_of, invoke, logged, make_function, tail_of
from tests.services.refusals import refused

CALLS_BACK = """
import boto3, json, logging, os
import botocore.exceptions

def handler(event, context):
    logging.getLogger().warning("called back")
    kms, sts = boto3.client("kms"), boto3.client("sts")
    sealed = kms.encrypt(KeyId=event["key"], Plaintext=b"plain")["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=sealed)["Plaintext"].decode()
    try:
        kms.list_keys()
        refusal = None
    except botocore.exceptions.ClientError as error:
        refusal = error.response["Error"]
    return {"opened": opened, "who": sts.get_caller_identity()["Arn"], "refusal": refusal}
"""


def test_a_function_calls_this_server_with_its_role_and_is_refused_what_its_role_may_not(
    server: RunningServer, key_id: str
) -> None:
    allowed = {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"}
    name = make_function(server, CALLS_BACK, allowed, LOGS)
    told, answer = invoke(server, name, {"key": key_id}, LogType="Tail")
    assert answer.get("FunctionError") is None, told
    assert told["opened"] == "plain"
    role = client_of(server, "lambda").get_function_configuration(FunctionName=name)["Role"].rpartition("/")[2]
    assert told["who"] == f"arn:aws:sts::000000000000:assumed-role/{role}/{name}"
    assert told["refusal"]["Code"] == "AccessDeniedException"
    assert f"{told['who']} is not authorized to perform: kms:ListKeys" in told["refusal"]["Message"]
    assert "called back" in tail_of(answer)
    messages = logged(server, f"/aws/lambda/{name}", "REPORT RequestId")
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert f"START RequestId: {request_id} Version: $LATEST\n" in messages
    assert f"END RequestId: {request_id}\n" in messages
    assert any(f"\t{request_id}\tcalled back\n" in message for message in messages)
    streams = client_of(server, "logs").describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]
    assert "/[$LATEST]" in streams[0]["logStreamName"]


def test_a_function_whose_role_may_not_log_runs_all_the_same(server: RunningServer) -> None:
    name = make_function(server, "def handler(event, context):\n    print('unheard')\n    return event")
    assert invoke(server, name, {"a": 1})[0] == {"a": 1}
    assert invoke(server, name, [])[0] == []
    with refused("ResourceNotFoundException"):
        client_of(server, "logs").describe_log_streams(logGroupName=f"/aws/lambda/{name}")


def test_a_role_that_does_not_trust_lambda_any_more(server: RunningServer) -> None:
    name = make_function(server, "def handler(event, context): pass")
    role = client_of(server, "lambda").get_function_configuration(FunctionName=name)["Role"].rpartition("/")[2]
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    client_of(server, "iam").update_assume_role_policy(RoleName=role, PolicyDocument=document)
    with refused("AccessDeniedException", "The role defined for the function cannot be assumed by Lambda."):
        invoke(server, name)


BOOTSTRAP = """#!/bin/sh
set -eu
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
    heads=$(mktemp)
    event=$(curl -sS -LD "$heads" "$api/invocation/next")
    id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: *\\([^\\r]*\\).*/\\1/p' "$heads" | tr -d '\\r')
    echo "shell got $event"
    curl -sS -X POST "$api/invocation/$id/response" -d "{\\"shell\\": $event}"
done
"""
PYTHON_BOOTSTRAP = """#!/usr/bin/python3
import json, os, urllib.request
api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/"
while True:
    with urllib.request.urlopen(api + "invocation/next") as given:
        request_id, event = given.headers["Lambda-Runtime-Aws-Request-Id"], json.load(given)
    if event.get("fail"):
        body, headers = b'{"errorType": "Own", "errorMessage": "no"}', {"Lambda-Runtime-Function-Error-Type": "Own"}
        urllib.request.urlopen(urllib.request.Request(f"{api}invocation/{request_id}/error", body, headers))
    else:
        # Of unknown length: it goes in chunks.
        body = iter([b'{"python"', b': true}'])
        urllib.request.urlopen(urllib.request.Request(f"{api}invocation/{request_id}/response", body))
"""


def _bootstrapped(server: RunningServer, bootstrap: str) -> str:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        made.writestr(entry, bootstrap)
    return make_function(server, "", LOGS, Runtime="provided.al2023", Code={"ZipFile": out.getvalue()})


def test_a_bootstrap_that_is_a_shell_script(server: RunningServer) -> None:
    name = _bootstrapped(server, BOOTSTRAP)
    for number in range(2):
        told, answer = invoke(server, name, {"n": number}, LogType="Tail")
        assert told == {"shell": {"n": number}}
        assert f'shell got {{"n": {number}}}' in tail_of(answer)


def test_a_bootstrap_in_python_that_answers_in_chunks(server: RunningServer) -> None:
    name = _bootstrapped(server, PYTHON_BOOTSTRAP)
    assert invoke(server, name, {})[0] == {"python": True}
    told, answer = invoke(server, name, {"fail": True})
    assert (told, answer["FunctionError"]) == ({"errorType": "Own", "errorMessage": "no"}, "Unhandled")


def test_a_bootstrap_that_is_not_there(server: RunningServer) -> None:
    name = make_function(server, "", LOGS, Runtime="provided.al2023", Code={"ZipFile": archive({"other": "x"})})
    told, _ = invoke(server, name)
    assert told["errorType"] == "Runtime.InvalidEntrypoint"
    assert told["errorMessage"].endswith("Error: fork/exec /opt/bootstrap: no such file or directory")


@pytest.fixture
def echo(server: RunningServer) -> str:
    return make_function(server, "def handler(event, context): return [event, context.invoked_function_arn]")


def test_kinds_of_invocation_and_what_is_refused(server: RunningServer, echo: str) -> None:
    client = client_of(server, "lambda")
    answer = client.invoke(FunctionName=echo, InvocationType="DryRun")
    assert (answer["StatusCode"], answer["Payload"].read()) == (204, b"")
    told, answer = invoke(server, echo)
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{echo}"
    assert (told, answer["StatusCode"], answer["ExecutedVersion"]) == ([{}, arn], 200, "$LATEST")
    with refused("InvalidRequestContentException"):
        client.invoke(FunctionName=echo, Payload=b"{not json")
    message = "1048580 byte payload is too large for the Event invocation type (limit 1048576 bytes)"
    with refused("RequestEntityTooLargeException", message):
        client.invoke(FunctionName=echo, InvocationType="Event", Payload=json.dumps("x" * 1_048_578))
    with refused(
        "RequestEntityTooLargeException", "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
    ):
        client.invoke(FunctionName=echo, Payload=json.dumps("x" * 6_291_456))
    with refused("ResourceNotFoundException", f"Function not found: {arn}:nowhere"):
        client.invoke(FunctionName=echo, Qualifier="nowhere")
    with refused("ResourceNotFoundException"):
        client.invoke(FunctionName="there-is-none")
    large = "x" * 6_000_000
    assert invoke(server, echo, large)[0][0] == large


def test_versions_and_aliases_are_invoked_each_as_it_is(server: RunningServer) -> None:
    source = "import os\ndef handler(event, context): return [os.environ['NAME'], context.function_version]"
    name = make_function(server, source, Environment={"Variables": {"NAME": "one"}})
    client = client_of(server, "lambda")
    assert invoke(server, name)[0] == ["one", "$LATEST"]
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    client.update_function_configuration(FunctionName=name, Environment={"Variables": {"NAME": "two"}})
    assert invoke(server, name)[0] == ["two", "$LATEST"]
    told, answer = invoke(server, name, Qualifier="live")
    assert (told, answer["ExecutedVersion"]) == (["one", "1"], "1")
    client.update_function_code(FunctionName=name, ZipFile=archive({"app.py": "def handler(e, c): return 'new'"}))
    assert invoke(server, name)[0] == "new"
    assert invoke(server, f"{name}:live")[0] == ["one", "1"]


def test_reserved_concurrency_of_zero_throttles(server: RunningServer, echo: str) -> None:
    client = client_of(server, "lambda")
    client.put_function_concurrency(FunctionName=echo, ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException) as refusal:
        client.invoke(FunctionName=echo)
    assert refusal.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert refusal.value.response["Error"]["Message"] == "Rate Exceeded."
    client.delete_function_concurrency(FunctionName=echo)
    assert invoke(server, echo, 1)[0][0] == 1


def test_a_function_is_no_operator(server: RunningServer) -> None:
    source = """
import os, ssl, urllib.error, urllib.request

def handler(event, context):
    trusted = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    found = []
    for path in ("health", "metrics"):
        try:
            asked = urllib.request.urlopen(f"{os.environ['AWS_ENDPOINT_URL']}/_strongroom/{path}", context=trusted)
            found.append(asked.status)
        except urllib.error.HTTPError as refusal:
            found.append(refusal.code)
    return found
"""
    assert invoke(server, make_function(server, source))[0] == [200, 403]


def test_code_and_layers_are_there_and_not_for_writing(server: RunningServer) -> None:
    source = """
import os, layered
def handler(event, context):
    refused = []
    for place in ("/var/task/x", "/opt/x", "/x", "/var/runtime/x", "/var/strongroom/ca.pem"):
        try:
            open(place, "w")
        except OSError as error:
            refused.append(place)
    open("/tmp/x", "w").write("x")
    return [layered.VALUE, refused, sorted(os.listdir("/"))]
"""
    layers = []
    for number, value in enumerate(("lower", "upper")):
        content = archive({"python/layered.py": f"VALUE = {value!r}", f"own{number}": "x"})
        made = client_of(server, "lambda").publish_layer_version(
            LayerName=f"layer-{uuid.uuid4().hex[:8]}", Content={"ZipFile": content}
        )
        layers.append(made["LayerVersionArn"])
    name = make_function(server, source, Layers=layers)
    told: Any = invoke(server, name)[0]
    assert told[0] == "upper"
    assert len(told[1]) == 5
    assert not {"root", "home", "work", "srv"}.intersection(told[2])
