"""Session tokens from a real server, in the hands of real clients over HTTPS."""

import datetime
from typing import Any

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
