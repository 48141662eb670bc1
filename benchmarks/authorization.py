"""A user with five attached policies of ten statements: what it costs to know that this user may.

The statements are such as people write: several services, wildcards, tags, addresses, denies. A few of them are about
KMS and have conditions, so each request is asked for their values. When these are what they were, the decision is what
it was; when they are not, it is made anew.
"""

import json
from itertools import cycle
from typing import Any, cast

from benchmarks.signed import CONTEXT, Access
from strongroom.base.context import Origin, new_request_id
from strongroom.operations.authorize import Requirement, authorize
from strongroom.operations.call import Call
from strongroom.operations.callers import Caller
from strongroom.operations.decisions import RememberedDecisions
from strongroom.operations.house import House
from strongroom.operations.registry import Operation
from strongroom.operations.trail import Identity
from strongroom.policy.document import PolicyKind, parse
from strongroom.policy.policies import NamedPolicy
from strongroom.policy.principal import Principal
from strongroom.services.kms import KMS
from strongroom.services.kms.policies import default_key_policy

POLICIES = 5
STATEMENTS = 10
ACCOUNT_ID = "111122223333"
USER_ARN = f"arn:aws:iam::{ACCOUNT_ID}:user/benchmarks/reader"
KEY_ARN = f"arn:aws:kms:us-east-1:{ACCOUNT_ID}:key/01234567-89ab-4cde-8f01-23456789abcd"
_SERVICES = ("s3", "logs", "ssm", "secretsmanager", "sqs", "dynamodb", "lambda")


def documents() -> list[str]:
    """Return the five policies as JSON texts. The one that allows `kms:Encrypt` is the last."""
    policies = []
    for number in range(POLICIES):
        statements = [_statement(number, index) for index in range(STATEMENTS - 1)]
        statements.insert(4, _about_kms(number))
        policies.append(json.dumps({"Version": "2012-10-17", "Statement": statements}))
    return policies


def _statement(number: int, index: int) -> dict[str, Any]:
    service = _SERVICES[(number + index) % len(_SERVICES)]
    statement: dict[str, Any] = {
        "Sid": f"Part{number}{index}",
        "Effect": "Deny" if index % 4 == 3 else "Allow",
        "Action": [f"{service}:Get*", f"{service}:List*", f"{service}:Describe*", f"{service}:Batch?et*"],
        "Resource": [
            f"arn:aws:{service}:*:{ACCOUNT_ID}:team-{number}/*",
            f"arn:aws:{service}:::{index}-${{aws:userid}}/*",
        ],
    }
    if index % 2:
        statement["Condition"] = {"StringEquals": {"aws:PrincipalTag/team": f"team-{number}"}}
    return statement


def _about_kms(number: int) -> dict[str, Any]:
    if number == POLICIES - 1:
        return {
            "Sid": "Use",
            "Effect": "Allow",
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "arn:aws:kms:*:*:key/*",
            "Condition": {
                "StringEquals": {"kms:EncryptionContext:purpose": CONTEXT["purpose"]},
                "IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "127.0.0.0/8", "::1/128"]},
            },
        }
    if number % 2:
        return {
            "Sid": "NotFromElsewhere",
            "Effect": "Deny",
            "Action": "kms:*",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "eu-central-1"]}},
        }
    return {
        "Sid": "OthersKeys",
        "Effect": "Allow",
        "Action": "kms:*",
        "Resource": f"arn:aws:kms:*:{ACCOUNT_ID}:key/*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": f"team-{number}"}},
    }


def with_five_policies(access: Access) -> Access:
    """Make the user on a server, by its IAM API, and return its way in."""
    iam = access.client("iam")
    name = "reader"
    iam.create_user(UserName=name, Path="/benchmarks/")
    for number, document in enumerate(documents()):
        arn = iam.create_policy(PolicyName=f"benchmark-{number}", PolicyDocument=document)["Policy"]["Arn"]
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Access(access.endpoint, key["AccessKeyId"], key["SecretAccessKey"], access.region, access.ca_bundle)


def one_authorization(*, anew: bool = False) -> Any:
    """Return a function that authorises one Encrypt of the user, as the server does once all is warm.

    `anew` makes each request come from another address than the 99 before, so that nothing remembered holds for it.
    """
    attached = tuple(
        NamedPolicy(f"arn:aws:iam::{ACCOUNT_ID}:policy/benchmark-{number}", parse(text))
        for number, text in enumerate(documents())
    )
    identity = Identity("IAMUser", "AIDABENCHMARKREADER00", USER_ARN, ACCOUNT_ID, "AKIABENCHMARKREADER0", "reader")
    caller = Caller(Principal.user(USER_ARN, ACCOUNT_ID), identity, attached, tags={"team": "team-1"})
    key_policy = NamedPolicy("key policy", parse(default_key_policy(ACCOUNT_ID, "us-east-1"), PolicyKind.RESOURCE))
    remembered = RememberedDecisions()
    operation = cast(Operation, _Encrypt())
    addresses = [f"127.0.0.{number}" for number in range(1, 101)] if anew else ["127.0.0.1"]
    origins = cycle([Origin(new_request_id(0.0), 0.0, address, False) for address in addresses])
    conditions = {"kms:encryptioncontext:purpose": CONTEXT["purpose"]}

    def once() -> None:
        call = Call(cast(House, None), operation, {}, caller, next(origins), "us-east-1")
        requirement = Requirement(
            action="kms:Encrypt",
            resource=KEY_ARN,
            account_id=ACCOUNT_ID,
            policy=key_policy,
            policy_is_decisive=True,
            conditions=conditions.get,
            remembered=remembered,
        )
        call.requirements = (requirement,)
        authorize(call)

    return once


class _Encrypt:
    """As much of an operation as authorisation looks at."""

    service = KMS
    name = "Encrypt"
