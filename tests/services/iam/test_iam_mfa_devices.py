"""Virtual MFA devices, on both databases; what they show is worked out with the seed, as an authenticator app does."""

import asyncio
import base64
import io
from collections.abc import Callable

import segno
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, policy
from tests.services.refusals import refused

from strongroom.crypto.one_time_password import code_at, step_at
from strongroom.identities.mfa import check_code
from strongroom.services.iam.qr_code import PIXELS_PER_MODULE

DEVICE = {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/ann"}
ANN = {"UserName": "ann"}
WRONG = f"Authentication code for device {DEVICE['SerialNumber']} is not valid."


async def new_device(opened: OpenedHouse) -> Callable[[int], str]:
    """Make a device; what it shows so many time steps from now is what the returned function tells."""
    made = (await opened.call("iam", "CreateVirtualMFADevice", VirtualMFADeviceName="ann"))["VirtualMFADevice"]
    assert made["SerialNumber"] == DEVICE["SerialNumber"]
    assert len(made["Base32StringSeed"]) == 64
    address = f"otpauth://totp/ann@{ACCOUNT}?secret={made['Base32StringSeed'].decode()}"
    assert made["QRCodePNG"] == picture_of(address)
    seed = base64.b32decode(made["Base32StringSeed"])
    # One time for the whole test: a step that ends in the middle of it is still within what is accepted.
    here = step_at(opened.clock.wall())
    return lambda offset: code_at(seed, here + offset)


def picture_of(address: str) -> bytes:
    """Return the QR code of an address, as a PNG picture."""
    picture = io.BytesIO()
    segno.make_qr(address).save(picture, kind="png", scale=PIXELS_PER_MODULE)
    assert picture.getvalue().startswith(b"\x89PNG\r\n")
    return picture.getvalue()


def codes(first: str, second: str) -> dict[str, str]:
    return {"AuthenticationCode1": first, "AuthenticationCode2": second}


def test_a_device_lives_and_dies(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await opened.call("iam", "CreateUser", **ANN)
        shows = await new_device(opened)
        with refused("EntityAlreadyExists", "MFADevice entity at the same path and name already exists."):
            await opened.call("iam", "CreateVirtualMFADevice", VirtualMFADeviceName="ann")
        unassigned = {"VirtualMFADevices": [DEVICE], "IsTruncated": False}
        assert await opened.call("iam", "ListVirtualMFADevices") == unassigned
        assert (await opened.call("iam", "ListVirtualMFADevices", AssignmentStatus="Assigned"))[
            "VirtualMFADevices"
        ] == []
        for pair in (("000000", "000000"), (shows(0), shows(-1)), (shows(-1), shows(-1))):
            with refused("InvalidAuthenticationCode", WRONG):
                await opened.call("iam", "EnableMFADevice", **ANN, **DEVICE, **codes(*pair))
        await opened.call("iam", "EnableMFADevice", **ANN, **DEVICE, **codes(shows(-1), shows(0)))
        with refused("EntityAlreadyExists"):
            await opened.call("iam", "EnableMFADevice", **ANN, **DEVICE, **codes(shows(0), shows(1)))
        (listed,) = (await opened.call("iam", "ListMFADevices", **ANN))["MFADevices"]
        assert (listed["UserName"], listed["SerialNumber"]) == ("ann", DEVICE["SerialNumber"])
        (virtual,) = (await opened.call("iam", "ListVirtualMFADevices", AssignmentStatus="Assigned"))[
            "VirtualMFADevices"
        ]
        assert virtual["User"]["UserName"] == "ann"
        assert await opened.call("iam", "GetMFADevice", **DEVICE) == listed
        with refused("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first"):
            await opened.call("iam", "DeleteVirtualMFADevice", **DEVICE)
        with refused("DeleteConflict", "Cannot delete entity, must delete MFA device first."):
            await opened.call("iam", "DeleteUser", **ANN)
        await opened.call("iam", "DeactivateMFADevice", **ANN, **DEVICE)
        with refused("NoSuchEntity"):
            await opened.call("iam", "DeactivateMFADevice", **ANN, **DEVICE)
        await opened.call("iam", "DeleteVirtualMFADevice", **DEVICE)
        for operation in ("DeleteVirtualMFADevice", "GetMFADevice", "ListMFADeviceTags"):
            with refused("NoSuchEntity"):
                await opened.call("iam", operation, **DEVICE)
        await opened.call("iam", "DeleteUser", **ANN)

    in_house(body)


def test_no_code_serves_twice(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        user_id = (await opened.call("iam", "CreateUser", **ANN))["User"]["UserId"]
        shows = await new_device(opened)

        async def check(code: str, whose: str = user_id) -> bool:
            house = opened.house
            return await check_code(house.store, house.sealer, whose, DEVICE["SerialNumber"], code, opened.clock.wall())

        assert not await check(shows(0)), "the device is nobody's yet"
        await opened.call("iam", "EnableMFADevice", **ANN, **DEVICE, **codes(shows(-1), shows(0)))
        assert not await check(shows(0)), "the code has enabled the device"
        with refused("InvalidAuthenticationCode", WRONG):
            await opened.call("iam", "ResyncMFADevice", **ANN, **DEVICE, **codes(shows(-1), shows(0)))
        assert not await check(shows(1), ACCOUNT)
        assert not await check(shows(1), "")
        assert sorted(await asyncio.gather(*(check(shows(1)) for _ in range(5)))) == [False] * 4 + [True]
        assert not await check(shows(0)), "an earlier one does not come back"
        await opened.call("iam", "DeactivateMFADevice", **ANN, **DEVICE)
        assert not await check(shows(2))

    in_house(body)


def test_users_look_after_their_own_devices(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        account = f"arn:aws:iam::{ACCOUNT}"
        own = policy(
            allow("iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice", resource=f"{account}:mfa/ann"),
            allow("iam:*MFADevice*", resource=account + ":user/${aws:username}"),
        )
        await opened.call("iam", "PutUserPolicy", PolicyName="own", PolicyDocument=own, **ANN)
        await opened.call("iam", "CreateUser", UserName="bob")
        with refused("AccessDenied"):
            await ann.call("iam", "CreateVirtualMFADevice", VirtualMFADeviceName="bob")
        made = (await ann.call("iam", "CreateVirtualMFADevice", VirtualMFADeviceName="ann"))["VirtualMFADevice"]
        seed = base64.b32decode(made["Base32StringSeed"])
        here = step_at(opened.clock.wall())
        pair = codes(code_at(seed, here - 1), code_at(seed, here))
        with refused("AccessDenied"):
            await ann.call("iam", "EnableMFADevice", UserName="bob", **DEVICE, **pair)
        await ann.call("iam", "EnableMFADevice", **ANN, **DEVICE, **pair)
        assert len((await ann.call("iam", "ListMFADevices"))["MFADevices"]) == 1
        await ann.call("iam", "DeactivateMFADevice", **DEVICE)
        await ann.call("iam", "DeleteVirtualMFADevice", **DEVICE)

    in_house(body)
