"""What the application does on good days and on bad ones, on a server that really encrypts and really says no.

`strongroom` is a fixture of `strongroom.testing`: an account of each test's own.
"""

import json

import boto3
import pytest
from records import SECRET, NotAllowedError, NotNowError, Records

ANN = {"name": "Ann", "blood": "AB+"}


@pytest.fixture
def records(strongroom):
    """The application, on a bucket, a key and a secret of this test's account."""
    key_id = strongroom.client("kms").create_key()["KeyMetadata"]["KeyId"]
    bucket = f"records-{strongroom.account_id}"
    strongroom.client("s3").create_bucket(Bucket=bucket)
    strongroom.client("secretsmanager").create_secret(Name=SECRET, SecretString="a pinch of pepper")
    return Records(bucket, key_id)


def test_a_record_comes_back(records, strongroom):
    records.save("ann", ANN)
    assert records.load("ann") == ANN
    (stored,) = strongroom.client("s3").list_objects_v2(Bucket=records.bucket)["Contents"]
    assert "ann" not in stored["Key"]
    described = strongroom.client("s3").head_object(Bucket=records.bucket, Key=stored["Key"])
    assert described["SSEKMSKeyId"].endswith(records.key_id)


def test_nothing_is_left_of_the_other_tests(records, strongroom):
    assert "Contents" not in strongroom.client("s3").list_objects_v2(Bucket=records.bucket)


def test_who_may_not_use_the_key_sees_nothing(records, strongroom):
    """The policies are real: a nurse who may read the bucket, and not use the key, reads nothing."""
    records.save("ann", ANN)
    iam = strongroom.client("iam")
    iam.create_user(UserName="nurse")
    allow = {"Effect": "Allow", "Action": ["s3:GetObject", "secretsmanager:GetSecretValue"], "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": allow}
    iam.put_user_policy(UserName="nurse", PolicyName="reads", PolicyDocument=json.dumps(policy))
    given = iam.create_access_key(UserName="nurse")["AccessKey"]
    nurse = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"])
    records.s3 = nurse.client("s3")
    with pytest.raises(NotAllowedError):
        records.load("ann")


def test_a_denial_from_above_is_told_as_one(records, strongroom):
    records.save("ann", ANN)
    with strongroom.deny("kms:Decrypt") as denial:
        with pytest.raises(NotAllowedError):
            records.load("ann")
        assert denial.struck == 1
    assert records.load("ann") == ANN


def test_it_is_patient_when_it_is_throttled(records, strongroom):
    records.save("ann", ANN)
    with strongroom.throttle("kms", "Decrypt", times=2) as throttle:
        assert records.load("ann") == ANN
        assert throttle.struck == 2


@pytest.mark.parametrize("error", ["KeyUnavailableException", "DisabledException"])
def test_a_key_that_is_out_of_reach_costs_no_record(records, strongroom, error):
    records.save("ann", ANN)
    with strongroom.key_outage(records.key_id, error), pytest.raises(NotNowError):
        records.load("ann")
    assert records.load("ann") == ANN


def test_records_outlive_the_rotation_of_their_key(records, strongroom):
    kms = strongroom.client("kms")
    kms.enable_key_rotation(KeyId=records.key_id, RotationPeriodInDays=90)
    records.save("ann", ANN)
    strongroom.clock.advance(days=91)
    assert len(kms.list_key_rotations(KeyId=records.key_id)["Rotations"]) == 1
    assert records.load("ann") == ANN


def test_a_code_admits_for_a_week(records, strongroom):
    records.invite("ann", "open sesame", now=strongroom.clock.now())
    assert records.admits("ann", "open sesame")
    assert not records.admits("ann", "open barley")
    strongroom.clock.advance(days=6)
    assert records.admits("ann", "open sesame")
    strongroom.clock.advance(days=2)
    assert not records.admits("ann", "open sesame")
