"""The password policy of an account, on both databases."""

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, policy
from tests.services.iam.test_iam_account import other_root
from tests.services.refusals import refused

DEFAULTS = {
    "MinimumPasswordLength": 6,
    "RequireSymbols": False,
    "RequireNumbers": False,
    "RequireUppercaseCharacters": False,
    "RequireLowercaseCharacters": False,
    "AllowUsersToChangePassword": False,
    "ExpirePasswords": False,
    "HardExpiry": False,
}


def test_a_password_policy_is_put_shown_and_deleted(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        none = f"The Password Policy with domain name {ACCOUNT} cannot be found."
        with refused("NoSuchEntity", none):
            await opened.call("iam", "GetAccountPasswordPolicy")
        with refused("NoSuchEntity", "The account policy with name PasswordPolicy cannot be found."):
            await opened.call("iam", "DeleteAccountPasswordPolicy")
        strict = {"MinimumPasswordLength": 14, "RequireSymbols": True, "MaxPasswordAge": 90}
        await opened.call("iam", "UpdateAccountPasswordPolicy", PasswordReusePrevention=24, **strict)
        shown = (await opened.call("iam", "GetAccountPasswordPolicy"))["PasswordPolicy"]
        assert shown == DEFAULTS | strict | {"ExpirePasswords": True, "PasswordReusePrevention": 24}
        await opened.call("iam", "UpdateAccountPasswordPolicy", RequireNumbers=True)
        shown = (await opened.call("iam", "GetAccountPasswordPolicy"))["PasswordPolicy"]
        assert shown == DEFAULTS | {"RequireNumbers": True}
        await opened.call("iam", "DeleteAccountPasswordPolicy")
        with refused("NoSuchEntity", none):
            await opened.call("iam", "GetAccountPasswordPolicy")

    in_house(body)


def test_a_password_policy_is_of_one_account_and_guarded(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        other = await other_root(opened)
        await opened.call("iam", "UpdateAccountPasswordPolicy")
        with refused("NoSuchEntity"):
            await opened.call("iam", "GetAccountPasswordPolicy", caller=other)
        ann = await acting_user(opened)
        reading = policy(allow("iam:GetAccountPasswordPolicy"))
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=reading)
        assert (await ann.call("iam", "GetAccountPasswordPolicy"))["PasswordPolicy"] == DEFAULTS
        for operation in ("UpdateAccountPasswordPolicy", "DeleteAccountPasswordPolicy"):
            with refused("AccessDenied"):
                await ann.call("iam", operation)

    in_house(body)
