"""Which credentials IAM accepts at all, and what it says to roles that name no user; on both databases."""

import json
from typing import Any

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import allow, policy
from tests.services.refusals import refused

from strongroom.identities.sessions import FEDERATED_SESSION, ROLE_SESSION, ROOT_SESSION, USER_SESSION, Session
from strongroom.operations.callers import Caller


async def session_caller(opened: OpenedHouse, kind: str, issuer_id: str, **members: Any) -> Caller:
    now = opened.clock.wall()
    session = Session(
        kind=kind,
        access_key_id="ASIAAAAAAAAAAAAAAAAA",
        secret_access_key="not used here",
        account_id=ACCOUNT,
        issuer_id=issuer_id,
        name="name",
        issued_at=now,
        expires_at=now + 900,
        **members,
    )
    caller = await opened.house.principals.caller_of_session(session)
    assert caller is not None
    return caller


def test_sessions_without_mfa_and_federated_users_cannot_call_iam(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        user_id = (await opened.call("iam", "CreateUser", UserName="ann"))["User"]["UserId"]
        document = policy(allow("iam:*"))
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=document)
        refused_ones = [
            await session_caller(opened, USER_SESSION, user_id),
            await session_caller(opened, ROOT_SESSION, ACCOUNT),
            await session_caller(opened, FEDERATED_SESSION, user_id),
            await session_caller(opened, FEDERATED_SESSION, ACCOUNT, mfa_authenticated=True),
        ]
        operations = [
            ("GetUser", {}),
            ("ListUsers", {}),
            ("CreateAccessKey", {}),
            ("CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": "{}"}),
            ("GetAccountSummary", {}),
            ("ListPolicies", {}),
            ("GetAccountAuthorizationDetails", {}),
        ]
        for caller in refused_ones:
            for operation, params in operations:
                with refused("InvalidClientTokenId", "The security token included in the request is invalid"):
                    await opened.call("iam", operation, caller=caller, **params)
        with_mfa = await session_caller(opened, USER_SESSION, user_id, mfa_authenticated=True)
        assert (await opened.call("iam", "GetUser", caller=with_mfa))["User"]["UserName"] == "ann"
        root = await session_caller(opened, ROOT_SESSION, ACCOUNT, mfa_authenticated=True)
        assert (await opened.call("iam", "GetUser", caller=root))["User"]["UserId"] == ACCOUNT

    in_house(body)


def test_a_role_has_to_name_the_user(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
        made = await opened.call(
            "iam", "CreateRole", RoleName="r", AssumeRolePolicyDocument=json.dumps({"Statement": [statement]})
        )
        await opened.call("iam", "PutRolePolicy", RoleName="r", PolicyName="p", PolicyDocument=policy(allow("iam:*")))
        caller = await session_caller(opened, ROLE_SESSION, made["Role"]["RoleId"])
        for operation in ("GetUser", "CreateAccessKey", "ListAccessKeys", "ListMFADevices"):
            with refused("ValidationError", "Must specify userName when calling with non-User credentials"):
                await opened.call("iam", operation, caller=caller)
        await opened.call("iam", "CreateUser", UserName="ann", caller=caller)
        assert (await opened.call("iam", "GetUser", UserName="ann", caller=caller))["User"]["UserName"] == "ann"

    in_house(body)
