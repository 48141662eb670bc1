"""Ways to get more than was given: other people's tokens, other accounts' ARNs, names that look alike, role chains."""

from typing import Any

import pytest
from tests.identities_made import ACCOUNT, Identities, Made, allow, document, trust
from tests.opened_house import InHouse, OpenedHouse

from strongroom.base.errors import AwsError
from strongroom.identities.accounts import ensure_account
from strongroom.operations.callers import Caller

OTHER = "444455556666"
HERE = f"arn:aws:iam::{ACCOUNT}"
ASSUME = ["sts:AssumeRole", "sts:TagSession"]


async def code_of(house: OpenedHouse, caller: Caller | None, service: str, operation: str, **params: Any) -> str:
    """Return the code of a refusal, or "" when there was none."""
    try:
        await house.call(service, operation, caller=caller, **params)
    except AwsError as refusal:
        return refusal.code
    return ""


async def stranger(house: OpenedHouse, made: Identities) -> Caller:
    """Return somebody who may do everything in another account of the same server."""
    await house.house.store.write(lambda connection: ensure_account(connection, OTHER, 1.0))
    return await made.caller(await made.user("stranger", allow("*"), account_id=OTHER))


def test_a_session_token_fits_its_own_access_key_only(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann, find = await made.user("ann", allow("*")), house.house.principals.find
        other = await stranger(house, made)
        tokens = []
        for caller in (await made.caller(ann), await made.caller(ann), other):
            given = (await house.call("sts", "GetSessionToken", caller=caller))["Credentials"]
            tokens.append((given["AccessKeyId"], given["SessionToken"]))
        for one, (access_key_id, _) in enumerate(tokens):
            for another, (_, token) in enumerate(tokens):
                assert (await find(access_key_id, token) is not None) is (one == another)
            assert await find(access_key_id) is None
            assert await find(access_key_id, "") is None
        # A token makes no long-term key better, nor does it work under a name of its sender's choice.
        assert await find(ann.access_key_id, tokens[0][1]) is None
        assert await find("ASIA" + "A" * 16, tokens[0][1]) is None
        assert await find(tokens[0][0].lower(), tokens[0][1]) is None
        cut, longer = tokens[0][1][:-4], tokens[0][1] + "AAAA"
        assert [await find(tokens[0][0], each) for each in (cut, longer, "\ud800", "é", "=" * 8)] == [None] * 5

    in_house(body)


ARN_GAMES = (
    f"{HERE}:role/Deep",
    f"{HERE}:role/a/Deep",
    f"{HERE}:role/a/b/c/Deep",
    f"{HERE}:role/a/b/deep",
    f"{HERE}:role//a/b/Deep",
    f"{HERE}:role/a/b/../b/Deep",
    f"{HERE}:role/a/b/Deep/",
    f"{HERE}:role/a/b/*",
    f"{HERE}:role/*",
    f"{HERE}:user/a/b/Deep",
    f"{HERE}:assumed-role/Deep/work",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/Deep/work",
    f"arn:aws-cn:iam::{ACCOUNT}:role/a/b/Deep",
    f"arn:aws:iam:us-east-1:{ACCOUNT}:role/a/b/Deep",
    f"arn:aws:iam::{OTHER}:role/a/b/Deep",
    "arn:aws:iam:::role/a/b/Deep",
    "arn:aws:iam::aws:role/a/b/Deep",
    f"ARN:aws:iam::{ACCOUNT}:role/a/b/Deep",
    f" {HERE}:role/a/b/Deep",
)


def test_a_role_is_assumed_by_its_very_arn(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        caller = await made.caller(await made.user("ann", allow("*")))
        role = await made.role("Deep", trusts=[trust("*", ASSUME)], path="/a/b/")
        assert await code_of(house, caller, "sts", "AssumeRole", RoleArn=role.arn, RoleSessionName="work") == ""
        for arn in ARN_GAMES:
            code = await code_of(house, caller, "sts", "AssumeRole", RoleArn=arn, RoleSessionName="work")
            assert code in ("AccessDenied", "ValidationError"), arn

    in_house(body)


ODD_NAMES = ("*", "a*", "?", "${aws:username}", "a/b", "a:b", "../a", "a\n", "a\x00", "é", "a b", "")


def test_no_name_means_more_than_itself(in_house: InHouse[None]) -> None:
    """What is put into ARNs, and what policy variables stand for, holds no wildcard, variable or separator."""

    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        caller = await made.caller(await made.user("ann", allow("*")))
        role = await made.role("Role", trusts=[trust("*", ASSUME)])
        text = document(trust("*"))
        for name in ODD_NAMES:
            tries = {
                await code_of(house, None, "iam", "CreateUser", UserName=name),
                await code_of(house, None, "iam", "CreateGroup", GroupName=name),
                await code_of(house, None, "iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=text),
                await code_of(house, None, "iam", "CreatePolicy", PolicyName=name, PolicyDocument=document(allow("*"))),
                await code_of(house, None, "iam", "CreateInstanceProfile", InstanceProfileName=name),
                await code_of(house, caller, "sts", "AssumeRole", RoleArn=role.arn, RoleSessionName=name + "x"),
                await code_of(house, caller, "sts", "GetFederationToken", Name=name + "x"),
            }
            if name:
                assert tries == {"ValidationError"}, name
        for value in ("*", "a*", "${aws:username}", "?"):
            tags = [{"Key": "team", "Value": value}]
            assert await code_of(house, None, "iam", "TagUser", UserName="ann", Tags=tags) == "ValidationError"
            given = {"RoleArn": role.arn, "RoleSessionName": "work", "Tags": tags}
            assert await code_of(house, caller, "sts", "AssumeRole", **given) == "ValidationError"

    in_house(body)


def test_a_path_may_hold_a_wildcard_and_means_none(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        own = allow("iam:GetUser", f"{HERE}:user/${{aws:username}}")
        caller = await made.caller(await made.user("ann", own, allow("iam:GetUser", f"{HERE}:user/team/*")))
        for path in ("/*/", "/${aws:username}/", "/team", "/../team/", "/teams/"):
            name = f"user{len(path)}"
            if await code_of(house, None, "iam", "CreateUser", UserName=name, Path=path) == "":
                assert await code_of(house, caller, "iam", "GetUser", UserName=name) == "AccessDenied", path
        assert await code_of(house, caller, "iam", "GetUser") == ""
        assert await code_of(house, caller, "iam", "GetUser", UserName="ANN") == "AccessDenied"
        assert await code_of(house, caller, "iam", "GetUser", UserName="nobody") == "AccessDenied"

    in_house(body)


def of_policy(arn: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the operations on a managed policy."""
    tags, text = [{"Key": "a", "Value": "b"}], document(allow("*"))
    more: dict[str, dict[str, Any]] = {
        "GetPolicy": {},
        "GetPolicyVersion": {"VersionId": "v1"},
        "ListPolicyVersions": {},
        "ListEntitiesForPolicy": {},
        "ListPolicyTags": {},
        "CreatePolicyVersion": {"PolicyDocument": text, "SetAsDefault": True},
        "SetDefaultPolicyVersion": {"VersionId": "v1"},
        "DeletePolicyVersion": {"VersionId": "v1"},
        "DeletePolicy": {},
        "TagPolicy": {"Tags": tags},
        "UntagPolicy": {"TagKeys": ["a"]},
        "AttachUserPolicy": {"UserName": "stranger"},
        "DetachUserPolicy": {"UserName": "stranger"},
        "AttachGroupPolicy": {"GroupName": "nobody"},
        "AttachRolePolicy": {"RoleName": "nobody"},
    }
    return [(operation, {"PolicyArn": arn, **params}) for operation, params in more.items()]


def of_user(ann: Made, serial: str, provider: str) -> list[tuple[str, dict[str, Any]]]:
    """Return operations that name something of another account by an ARN or id that tells it from one's own."""
    tags = [{"Key": "a", "Value": "b"}]
    codes = {"AuthenticationCode1": "111111", "AuthenticationCode2": "222222"}
    return [
        ("PutUserPermissionsBoundary", {"UserName": "stranger", "PermissionsBoundary": f"{HERE}:policy/p"}),
        ("SimulatePrincipalPolicy", {"PolicySourceArn": ann.arn, "ActionNames": ["iam:GetUser"]}),
        ("GetContextKeysForPrincipalPolicy", {"PolicySourceArn": ann.arn}),
        ("GetAccessKeyLastUsed", {"AccessKeyId": ann.access_key_id}),
        ("UpdateAccessKey", {"AccessKeyId": ann.access_key_id, "Status": "Inactive"}),
        ("UpdateAccessKey", {"UserName": "ann", "AccessKeyId": ann.access_key_id, "Status": "Inactive"}),
        ("DeleteAccessKey", {"AccessKeyId": ann.access_key_id}),
        ("DeleteAccessKey", {"UserName": "stranger", "AccessKeyId": ann.access_key_id}),
        ("GetMFADevice", {"SerialNumber": serial}),
        ("TagMFADevice", {"SerialNumber": serial, "Tags": tags}),
        ("ListMFADeviceTags", {"SerialNumber": serial}),
        ("DeactivateMFADevice", {"SerialNumber": serial}),
        ("DeleteVirtualMFADevice", {"SerialNumber": serial}),
        ("EnableMFADevice", {"UserName": "stranger", "SerialNumber": serial, **codes}),
        ("ResyncMFADevice", {"UserName": "stranger", "SerialNumber": serial, **codes}),
        ("GetOpenIDConnectProvider", {"OpenIDConnectProviderArn": provider}),
        ("AddClientIDToOpenIDConnectProvider", {"OpenIDConnectProviderArn": provider, "ClientID": "mine"}),
        ("UpdateOpenIDConnectProviderThumbprint", {"OpenIDConnectProviderArn": provider, "ThumbprintList": ["a" * 40]}),
        ("TagOpenIDConnectProvider", {"OpenIDConnectProviderArn": provider, "Tags": tags}),
    ]


def test_nothing_of_another_account_is_reached_by_its_arn(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.user("ann", allow("*"))
        other = await stranger(house, made)
        policy = await house.call("iam", "CreatePolicy", PolicyName="p", PolicyDocument=document(allow("*")))
        serial, _ = await made.mfa_device(ann.unique_id)
        provider = await made.oidc_provider("https://idp.example", ["me"])
        for operation, params in (*of_policy(policy["Policy"]["Arn"]), *of_user(ann, serial, provider)):
            code = await code_of(house, other, "iam", operation, **params)
            assert code in ("NoSuchEntity", "AccessDenied"), (operation, code)
        # Deleting what is not there is done already, and touches nothing elsewhere.
        deletion = {"OpenIDConnectProviderArn": provider}
        assert await code_of(house, other, "iam", "DeleteOpenIDConnectProvider", **deletion) in ("", "NoSuchEntity")
        listed = (await house.call("iam", "ListOpenIDConnectProviders"))["OpenIDConnectProviderList"]
        assert listed == [{"Arn": provider}]
        assert await house.house.principals.find(ann.access_key_id) is not None
        assert (await house.call("iam", "GetPolicy", PolicyArn=policy["Policy"]["Arn"]))["Policy"][
            "AttachmentCount"
        ] == 0

    in_house(body)


def test_a_chain_of_roles_gains_nothing(in_house: InHouse[None]) -> None:
    """Session policies bind the session that assumes the next role, too, and transitive tags stay as they are."""

    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        caller = await made.caller(await made.user("ann", allow("*")))
        first = await made.role("First", allow("*"), trusts=[trust("*", ASSUME)])
        second = await made.role("Second", allow("*"), trusts=[trust(first.arn, ASSUME)])
        named = {"RoleArn": first.arn, "RoleSessionName": "one"}
        narrow = await made.session(
            await house.call("sts", "AssumeRole", caller=caller, **named, Policy=document(allow("kms:ListKeys")))
        )
        onwards = {"RoleArn": second.arn, "RoleSessionName": "two"}
        assert await code_of(house, narrow, "sts", "AssumeRole", **onwards) == "AccessDenied"
        tags = {"Tags": [{"Key": "Team", "Value": "red"}], "TransitiveTagKeys": ["team"]}
        tagged = await made.session(await house.call("sts", "AssumeRole", caller=caller, **named, **tags))
        for key in ("Team", "team", "TEAM"):
            other = [{"Key": key, "Value": "blue"}]
            assert await code_of(house, tagged, "sts", "AssumeRole", **onwards, Tags=other) == "InvalidParameterValue"
        session = await made.session(await house.call("sts", "AssumeRole", caller=tagged, **onwards))
        assert session.tags == {"Team": "red"}
        # Nor is there a way around: credentials of a session give out no others of the user or account.
        for operation, params in (("GetSessionToken", {}), ("GetFederationToken", {"Name": "bob"})):
            assert await code_of(house, tagged, "sts", operation, **params) == "AccessDenied"

    in_house(body)


@pytest.mark.parametrize("cases", [("Project", "PROJECT"), ("PROJECT", "Project")])
def test_two_tags_that_differ_in_case_only_satisfy_no_condition(
    in_house: InHouse[None], cases: tuple[str, ...]
) -> None:
    """KMS tells tag keys apart by case and conditions do not: with both there is no telling which one is meant.

    Source: IAM User Guide, "Controlling access to AWS resources using tags" (matches either key "but not both").
    """

    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        mine = {"Condition": {"StringEquals": {"aws:RequestTag/Project": "mine"}}}
        use = {"Condition": {"StringEquals": {"aws:ResourceTag/Project": "mine"}}}
        user = await made.user("dev", allow(["kms:CreateKey", "kms:TagResource"], **mine), allow("kms:Encrypt", **use))
        caller = await made.caller(user)
        tags = [{"TagKey": cases[0], "TagValue": "mine"}, {"TagKey": cases[1], "TagValue": "another's"}]
        key_id = (await house.kms("CreateKey", Tags=tags))["KeyMetadata"]["KeyId"]
        encrypt = {"KeyId": key_id, "Plaintext": b"x"}
        assert await code_of(house, caller, "kms", "Encrypt", **encrypt) == "AccessDeniedException"
        assert await code_of(house, caller, "kms", "CreateKey", Tags=tags) == "AccessDeniedException"

    in_house(body)
