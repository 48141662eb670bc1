"""Session tokens from a real server, in the hands of real clients over HTTPS."""

import datetime
import ssl
import urllib.error
import urllib.request
from typing import Any

import pytest
from tests.identities_made import ACCOUNT
from tests.services.refusals import refused


def test_boto3_assumes_a_role_and_works_with_it(served: Any) -> None:
    sts = served.client("sts")
    answer = sts.assume_role(RoleArn=served.reader.arn, RoleSessionName="work")
    given = answer["Credentials"]
    left = given["Expiration"] - datetime.datetime.now(datetime.UTC)
    assert 3590 <= left.total_seconds() <= 3600
    assert answer["SessionTokenSize"] == len(given["SessionToken"])
    assert "PackedPolicySize" not in answer
    told = served.client("sts", credentials=given).get_caller_identity()
    assert told["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Reader/work"
    kms = served.client("kms", credentials=given)
    for _ in range(3):
        assert kms.list_keys()["Keys"] == []
    with refused("AccessDeniedException"):
        kms.list_aliases()


def test_a_presigned_request_of_a_session_proves_who_it_is(served: Any) -> None:
    given = served.client("sts").assume_role(RoleArn=served.reader.arn, RoleSessionName="work")["Credentials"]
    url = served.client("sts", credentials=given).generate_presigned_url("get_caller_identity", HttpMethod="GET")
    assert "X-Amz-Security-Token=" in url
    context = ssl.create_default_context(cafile=str(served.server.ca_bundle))
    with urllib.request.urlopen(url, context=context) as answer:
        assert f"arn:aws:sts::{ACCOUNT}:assumed-role/Reader/work" in answer.read().decode()
    damaged = url.replace("X-Amz-Security-Token=", "X-Amz-Security-Token=A")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(damaged, context=context)
    assert refusal.value.code == 403


def test_every_parameter_arrives_over_the_wire(served: Any) -> None:
    sts = served.client("sts")
    answer = sts.assume_role(
        RoleArn=served.reader.arn,
        RoleSessionName="work",
        DurationSeconds=900,
        Policy='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:ListAliases","Resource":"*"}}',
        PolicyArns=[{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
        Tags=[{"Key": "Team", "Value": "red"}, {"Key": "Cost", "Value": ""}],
        TransitiveTagKeys=["Team"],
        ExternalId="blue/42",
        SourceIdentity="ann",
    )
    assert answer["SourceIdentity"] == "ann"
    assert 0 < answer["PackedPolicySize"] < 30
    assert 0 < answer["SessionTokenUtilization"] < 20
    kms = served.client("kms", credentials=answer["Credentials"])
    # What one of the session policies allows, and the role.
    assert kms.list_keys()["Keys"] == []
    with refused("AccessDeniedException"):
        kms.list_aliases()


def test_refusals_over_the_wire(served: Any) -> None:
    sts = served.client("sts")
    with refused("AccessDenied"):
        sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/None", RoleSessionName="work")
    with refused("MalformedPolicyDocument"):
        sts.assume_role(RoleArn=served.reader.arn, RoleSessionName="work", Policy="{}")
    with refused("ValidationError"):
        sts.assume_role(RoleArn=served.reader.arn, RoleSessionName="no spaces")
    for operation, params in (
        ("assume_root", {"TargetPrincipal": ACCOUNT, "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/x"}}),
        ("get_web_identity_token", {"Audience": ["a"], "SigningAlgorithm": "RS256"}),
    ):
        with refused("UnsupportedOperationException"):
            getattr(sts, operation)(**params)
