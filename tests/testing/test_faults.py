"""Faults that a test makes: each is AWS's own refusal, meets one account only, and is in the audit trail."""

import contextlib
import json
from typing import Any

import pytest
from botocore.config import Config
from tests.running_server import eventually
from tests.services.refusals import refused

from strongroom.testing import Account, TestServerError
from strongroom.testing.supply import ServerSupply

ONCE = Config(retries={"total_max_attempts": 1})


class Stored:
    """A key of an account, and what is encrypted under it everywhere."""

    def __init__(self, account: Account) -> None:
        self.kms, self.s3, self.ssm, self.secrets = (
            account.client(service, config=ONCE) for service in ("kms", "s3", "ssm", "secretsmanager")
        )
        self.key = self.kms.create_key()["KeyMetadata"]
        self.key_id = self.key["KeyId"]
        self.sealed = self.kms.encrypt(KeyId=self.key_id, Plaintext=b"wheat")["CiphertextBlob"]
        self.bucket = f"grain-{account.account_id}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_object(
            Bucket=self.bucket, Key="k", Body=b"rye", ServerSideEncryption="aws:kms", SSEKMSKeyId=self.key_id
        )
        self.ssm.put_parameter(Name="/grain", Value="oats", Type="SecureString", KeyId=self.key_id)
        self.secrets.create_secret(Name="grain", SecretString="barley", KmsKeyId=self.key_id)

    def decrypt(self) -> bytes:
        plaintext: bytes = self.kms.decrypt(CiphertextBlob=self.sealed)["Plaintext"]
        return plaintext

    def object(self) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.bucket, Key="k")["Body"].read()
        return content

    def parameter(self) -> str:
        value: str = self.ssm.get_parameter(Name="/grain", WithDecryption=True)["Parameter"]["Value"]
        return value

    def secret(self) -> str:
        value: str = self.secrets.get_secret_value(SecretId="grain")["SecretString"]
        return value


@pytest.fixture
def stored(strongroom: Account) -> Stored:
    return Stored(strongroom)


def events(account: Account, name: str) -> list[dict[str, Any]]:
    wanted = [{"AttributeKey": "EventName", "AttributeValue": name}]
    found = account.client("cloudtrail").lookup_events(LookupAttributes=wanted)["Events"]
    return [json.loads(event["CloudTrailEvent"]) for event in found]


def test_a_throttled_call_is_refused_so_many_times_and_recorded(strongroom: Account, stored: Stored) -> None:
    message = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
    throttle = strongroom.throttle("kms", "Decrypt", times=2)
    for _ in range(2):
        with refused("ThrottlingException", message):
            stored.decrypt()
    assert stored.decrypt() == b"wheat"
    assert throttle.struck == 2
    throttle.end()
    assert throttle.struck == 2
    eventually(10, lambda: len(events(strongroom, "Decrypt")) >= 3)
    assert [event.get("errorCode") for event in events(strongroom, "Decrypt")][:3] == [
        None,
        "ThrottlingException",
        "ThrottlingException",
    ]


def test_clients_back_off_and_get_through(strongroom: Account, stored: Stored) -> None:
    with strongroom.throttle("kms", "Decrypt", times=1) as throttle:
        assert strongroom.client("kms").decrypt(CiphertextBlob=stored.sealed)["Plaintext"] == b"wheat"
        assert throttle.struck == 1


def test_a_throttled_kms_is_felt_through_every_service(strongroom: Account, stored: Stored) -> None:
    with strongroom.throttle("kms") as throttle:
        with refused("ThrottlingException"):
            stored.kms.list_keys()
        with refused("SlowDown"):
            stored.object()
        with refused("ThrottlingException"):
            stored.parameter()
        with refused("ThrottlingException"):
            stored.secret()
        assert throttle.struck == 4
    assert (stored.object(), stored.parameter(), stored.secret()) == (b"rye", "oats", "barley")


def test_a_share_of_calls_is_the_same_one_in_every_run(strongroom: Account) -> None:
    sts = strongroom.client("sts", config=ONCE)

    def outcomes() -> list[bool]:
        answered = []
        with strongroom.throttle("sts", "GetCallerIdentity", share=0.5):
            for _ in range(12):
                answered.append(True)
                with contextlib.suppress(sts.exceptions.ClientError):
                    sts.get_caller_identity()
                    continue
                answered[-1] = False
        return answered

    first = outcomes()
    assert 2 <= sum(first) <= 10
    assert outcomes() == first


def test_what_comes_faster_than_a_rate_is_refused(strongroom: Account) -> None:
    sts = strongroom.client("sts", config=ONCE)

    def is_answered() -> bool:
        with contextlib.suppress(sts.exceptions.ClientError):
            return bool(sts.get_caller_identity())
        return False

    with strongroom.throttle("sts", rate=0.1):
        sts.get_caller_identity()
        with refused("Throttling", "Rate exceeded"):
            sts.get_caller_identity()
    with strongroom.throttle("sts", rate=2) as throttle:
        eventually(30, lambda: is_answered() and throttle.struck > 0)


def test_a_denial_is_a_policy_that_the_engine_decides_by(strongroom: Account, stored: Stored) -> None:
    assert stored.decrypt() == b"wheat"  # Which is remembered, and must not be gone by.
    other = stored.kms.create_key()["KeyMetadata"]
    arn = stored.key["Arn"]
    with strongroom.deny("kms:Decrypt", "s3:PutObject", resource=[arn, "arn:aws:s3:::*"]) as denial:
        words = (
            f"is not authorized to perform: kms:Decrypt on resource: {arn} with an explicit deny in a service control"
        )
        with refused("AccessDeniedException", match=words):
            stored.decrypt()
        with refused("AccessDenied", match="with an explicit deny in a service control policy"):
            stored.s3.put_object(Bucket=stored.bucket, Key="k", Body=b"chaff")
        with refused("AccessDenied", match="kms:Decrypt"):
            stored.object()
        elsewhere = stored.kms.encrypt(KeyId=other["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        assert stored.kms.decrypt(CiphertextBlob=elsewhere)["Plaintext"] == b"x"
        assert denial.struck == 3
    assert stored.decrypt() == b"wheat"
    assert stored.object() == b"rye"


def test_a_denial_limits_users_as_well(strongroom: Account, stored: Stored) -> None:
    iam = strongroom.client("iam")
    iam.create_user(UserName="ann")
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    iam.put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=json.dumps(allow))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    kms = strongroom.client(
        "kms",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=ONCE,
    )
    assert kms.decrypt(CiphertextBlob=stored.sealed)["Plaintext"] == b"wheat"
    with strongroom.deny("kms:*"), refused("AccessDeniedException", match="user/ann is not authorized"):
        kms.decrypt(CiphertextBlob=stored.sealed)
    assert kms.decrypt(CiphertextBlob=stored.sealed)["Plaintext"] == b"wheat"


def test_an_outage_of_a_key_takes_all_that_is_under_it_and_gives_it_back(strongroom: Account, stored: Stored) -> None:
    with strongroom.key_outage(stored.key_id) as outage:
        with refused("KeyUnavailableException", match="You can retry the request"):
            stored.decrypt()
        with refused("KMS.KeyUnavailableException"):
            stored.object()
        with refused("InternalServiceError"):
            stored.secret()
        with refused("InvalidKeyId", match="Error Code: KeyUnavailableException"):
            stored.parameter()
        assert stored.kms.describe_key(KeyId=stored.key_id)["KeyMetadata"]["KeyState"] == "Enabled"
        assert outage.struck == 4
        other = stored.kms.create_key()["KeyMetadata"]["KeyId"]
        stored.kms.encrypt(KeyId=other, Plaintext=b"x")
    assert (stored.decrypt(), stored.object(), stored.secret()) == (b"wheat", b"rye", "barley")
    eventually(10, lambda: "KeyUnavailableException" in [e.get("errorCode") for e in events(strongroom, "Decrypt")])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("KMSInternalException", 500),
        ("DependencyTimeoutException", 500),
        ("DisabledException", 400),
        ("KMSInvalidStateException", 400),
    ],
)
def test_an_outage_is_of_the_kind_that_is_asked_for(strongroom: Account, error: str, status: int) -> None:
    kms = strongroom.client("kms", config=ONCE)
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    with strongroom.key_outage(arn, error), pytest.raises(kms.exceptions.ClientError) as told:
        kms.generate_data_key(KeyId=arn, KeySpec="AES_256")
    assert told.value.response["Error"]["Code"] == error
    assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    kms.generate_data_key(KeyId=arn, KeySpec="AES_256")


def test_faults_are_of_one_account_and_end_with_its_test(strongroom_servers: ServerSupply) -> None:
    with strongroom_servers.for_test() as first, strongroom_servers.for_test() as second:
        mine, others = Stored(first), Stored(second)
        first.throttle("kms", "Decrypt")
        first.deny("sts:*", "ssm:*")
        first.key_outage(mine.key_id)
        with refused("ThrottlingException"):
            mine.decrypt()
        with refused("AccessDeniedException"):
            mine.parameter()
        assert (others.decrypt(), others.parameter(), others.object()) == (b"wheat", "oats", b"rye")
        first.end_faults()
        assert (mine.decrypt(), mine.parameter(), mine.object()) == (b"wheat", "oats", b"rye")
        # Nobody breaks the key of somebody else.
        with refused("AccessDeniedException"):
            second.key_outage(mine.key["Arn"])


def test_what_could_not_be_is_refused(strongroom: Account) -> None:
    key_id = strongroom.client("kms").create_key()["KeyMetadata"]["KeyId"]
    for attempt, words in (
        (lambda: strongroom.throttle("kms", "Decipher"), "no operation that Strongroom serves of kms"),
        (lambda: strongroom.throttle("sqs"), "no service of Strongroom's"),
        (lambda: strongroom.throttle("kms", times=2, rate=1), "choose one of"),
        (lambda: strongroom.throttle("kms", share=7), "share from 0 to 1"),
        (lambda: strongroom.deny("decrypt"), "not an action"),
        (lambda: strongroom.key_outage(key_id, "AccessDeniedException"), "no outage of a key"),
    ):
        with pytest.raises(TestServerError, match=words):
            attempt()
    assert strongroom.client("kms").encrypt(KeyId=key_id, Plaintext=b"x")
