"""Virtual MFA devices: an authenticator app that shows a new code every 30 seconds.

Only devices of this kind are served; those of hardware have no operation that would make them. A clock of its own that
a device may have is not remembered: codes are accepted one time step away from the real time, after ResyncMFADevice
too.

Source: IAM User Guide, "AWS multi-factor authentication in IAM"; IAM API Reference.
"""

import asyncio
import base64
from collections.abc import Sequence
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.crypto.one_time_password import matching_pair, new_seed
from strongroom.identities.identifiers import USER, identity_arn
from strongroom.identities.mfa import seed_place
from strongroom.identities.tables import select_identity, select_mfa_device, use_mfa_step
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.callers import NO_TAGS
from strongroom.operations.registry import Answer, Needs, operation
from strongroom.services.iam import errors, tables
from strongroom.services.iam.access import creation, listing, on, on_entity, on_found, on_user_or_caller
from strongroom.services.iam.change import change_account
from strongroom.services.iam.entity import Entity, EntityRow, find_entity
from strongroom.services.iam.lifecycle import shown
from strongroom.services.iam.paging import Page
from strongroom.services.iam.qr_code import qr_code_png
from strongroom.services.iam.service import IAM
from strongroom.services.iam.tags import checked_tags, shown_tags
from strongroom.storage.connection import Connection

MFA_DEVICES_PER_USER_MAX = 8
MFA_DEVICES_PER_ACCOUNT_MAX = 5_000
SERIAL_NUMBER_CHARACTERS_MAX = 256
_DEVICE = "mfa"

DeviceRow = Any
"""A row of `identities.tables.MFA_DEVICES`."""


def own_device(connection: Connection, call: Call) -> DeviceRow | None:
    """Return the row of the device that a call names, or None when there is none in the caller's account."""
    row = select_mfa_device(connection, call.params["SerialNumber"])
    return row if row is not None and row.account_id == call.account_id else None


def current_device(connection: Connection, call: Call) -> DeviceRow:
    """Return the row of the device that a call names. Raises NoSuchEntity when the caller's account has none."""
    row = own_device(connection, call)
    if row is None:
        raise errors.no_such_mfa_device(call.params["SerialNumber"])
    return row


def on_device(action: str) -> Needs:
    """Declare an operation on the MFA device that the request names by its serial number."""

    async def needs(call: Call) -> Sequence[Requirement]:
        row = await call.read(lambda connection: own_device(connection, call))
        # A serial number of another form is no ARN that a policy could speak of.
        serial_number = call.params["SerialNumber"]
        resource = serial_number if serial_number.startswith("arn:") else "*"
        return (on(call, action, resource, tags=row.tags if row is not None else NO_TAGS),)

    return needs


@operation(
    IAM,
    "CreateVirtualMFADevice",
    needs=creation(
        "iam:CreateVirtualMFADevice",
        _DEVICE,
        "iam:TagMFADevice",
        name_of=lambda call: str(call.params["VirtualMFADeviceName"]),
    ),
)
async def create_virtual_mfa_device(call: Call) -> Answer:
    """Make a device; its seed is shown this once, as text and as a picture.

    Source: IAM API Reference, CreateVirtualMFADevice.
    """
    params, now, seed = call.params, call.now, new_seed()
    path, name = params.get("Path") or "/", params["VirtualMFADeviceName"]
    serial_number = identity_arn(call.house.directory.partition, call.account_id, _DEVICE, path, name)
    if len(serial_number) > SERIAL_NUMBER_CHARACTERS_MAX:
        raise errors.validation(f"The serial number must have at most {SERIAL_NUMBER_CHARACTERS_MAX} characters.")
    tags = checked_tags(params.get("Tags"))
    qr_code = await asyncio.to_thread(qr_code_png, name, call.account_id, seed)

    def change(connection: Connection) -> Answer:
        if select_mfa_device(connection, serial_number) is not None:
            raise errors.entity_already_exists("MFADevice entity at the same path and name already exists.")
        if tables.count_mfa_devices(connection, call.account_id) >= MFA_DEVICES_PER_ACCOUNT_MAX:
            raise errors.quota_exceeded("VirtualMFADevicesPerAccount", MFA_DEVICES_PER_ACCOUNT_MAX)
        values = {
            "serial_number": serial_number,
            "account_id": call.account_id,
            "created_at": now,
            "last_used_step": 0,
            "tags": tags,
            "sealed": call.house.sealer.seal(seed, seed_place(serial_number)),
        }
        tables.insert_mfa_device(connection, values)
        device = {
            "SerialNumber": serial_number,
            "Base32StringSeed": base64.b32encode(seed),
            "QRCodePNG": qr_code,
        }
        return {"VirtualMFADevice": device | ({"Tags": shown_tags(tags)} if tags else {})}

    return await change_account(call, change)


def _use_codes(connection: Connection, call: Call, row: DeviceRow) -> None:
    """Use up two codes in a row of a device. Raises InvalidAuthenticationCode."""
    params = call.params
    seed = call.house.sealer.open(row.sealed, seed_place(row.serial_number))
    # The device has a clock of its own, which nobody moves.
    step = matching_pair(seed, params["AuthenticationCode1"], params["AuthenticationCode2"], call.house.clock.wall())
    if step is None or not use_mfa_step(connection, row.serial_number, step):
        raise errors.invalid_authentication_code(row.serial_number)


@operation(IAM, "EnableMFADevice", needs=on_entity("iam:EnableMFADevice", USER))
async def enable_mfa_device(call: Call) -> Answer:
    """Give a device to a user, who proves to have it by two codes in a row.

    Source: IAM API Reference, EnableMFADevice.
    """
    user: Entity = call.target
    now = call.now

    def change(connection: Connection) -> Answer:
        user_id = user.current(connection).unique_id
        row = current_device(connection, call)
        if row.principal_id is not None:
            raise errors.entity_already_exists(f"MFA device {row.serial_number} is already in use.")
        if len(tables.mfa_devices_of(connection, user_id)) >= MFA_DEVICES_PER_USER_MAX:
            raise errors.quota_exceeded("MfaDevicesPerUser", MFA_DEVICES_PER_USER_MAX)
        _use_codes(connection, call, row)
        tables.update_mfa_device(connection, row.serial_number, {"principal_id": user_id, "enabled_at": now})
        return {}

    return await change_account(call, change)


def _device_of(connection: Connection, call: Call) -> DeviceRow:
    """Return the row of a device that is enabled for the user that a call is about. Raises NoSuchEntity."""
    row = current_device(connection, call)
    if row.principal_id is None or row.principal_id != _holder_id(connection, call):
        raise errors.no_such_entity(f"MFA Device {row.serial_number} is not associated with the user.")
    return row


def _holder_id(connection: Connection, call: Call) -> str:
    user: Entity | None = call.target
    return call.account_id if user is None else str(user.current(connection).unique_id)


@operation(IAM, "ResyncMFADevice", needs=on_entity("iam:ResyncMFADevice", USER))
async def resync_mfa_device(call: Call) -> Answer:
    """Check two codes in a row of a user's device, and use them up. Source: IAM API Reference, ResyncMFADevice."""

    def change(connection: Connection) -> Answer:
        _use_codes(connection, call, _device_of(connection, call))
        return {}

    return await change_account(call, change)


@operation(IAM, "DeactivateMFADevice", needs=on_user_or_caller("iam:DeactivateMFADevice"))
async def deactivate_mfa_device(call: Call) -> Answer:
    """Take a device away from its user; it may be enabled again. Source: IAM API Reference, DeactivateMFADevice."""

    def change(connection: Connection) -> Answer:
        row = _device_of(connection, call)
        tables.update_mfa_device(connection, row.serial_number, {"principal_id": None, "enabled_at": None})
        return {}

    return await change_account(call, change)


@operation(IAM, "DeleteVirtualMFADevice", needs=on_device("iam:DeleteVirtualMFADevice"))
async def delete_virtual_mfa_device(call: Call) -> Answer:
    """Delete a device that is nobody's. Source: IAM API Reference, DeleteVirtualMFADevice."""

    def change(connection: Connection) -> Answer:
        row = current_device(connection, call)
        if row.principal_id is not None:
            raise errors.delete_conflict("MFA VirtualDevice in use. Must deactivate first")
        tables.delete_mfa_device(connection, row.serial_number)
        return {}

    return await change_account(call, change)


@operation(IAM, "ListMFADevices", needs=on_user_or_caller("iam:ListMFADevices"), reads_only=True)
async def list_mfa_devices(call: Call) -> Answer:
    """List a user's devices. Source: IAM API Reference, ListMFADevices."""
    page = Page(call)
    user: Entity | None = call.target
    if user is None:
        # No operation enables a device for the root user.
        return page.numbered("MFADevices", [])
    user_id = user.found().unique_id
    rows = await call.read(lambda connection: tables.mfa_devices_of(connection, user_id))
    return page.numbered(
        "MFADevices",
        [
            {
                "UserName": user.name,
                "SerialNumber": row.serial_number,
                "EnableDate": as_datetime(row.enabled_at),
            }
            for row in rows
        ],
    )


def _shown_device(call: Call, row: DeviceRow, user: EntityRow | None) -> dict[str, Any]:
    device: dict[str, Any] = {"SerialNumber": row.serial_number}
    if row.enabled_at is not None:
        device["EnableDate"] = as_datetime(row.enabled_at)
    return device if user is None else device | {"User": shown(call, user)}


_ASSIGNED = {"Assigned": True, "Unassigned": False, "Any": None}


@operation(IAM, "ListVirtualMFADevices", needs=listing("iam:ListVirtualMFADevices", _DEVICE), reads_only=True)
async def list_virtual_mfa_devices(call: Call) -> Answer:
    """List an account's devices, without their tags. Source: IAM API Reference, ListVirtualMFADevices."""
    page = Page(call)
    # The beginning that all serial numbers of an account share is left out of positions, which have to be short.
    beginning = identity_arn(call.house.directory.partition, call.account_id, _DEVICE, "/", "")
    assigned = _ASSIGNED[call.params.get("AssignmentStatus") or "Any"]

    def query(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
        rows = tables.list_mfa_devices(connection, call.account_id, assigned, beginning + page.after, page.limit + 1)
        shown_devices = []
        for row in rows:
            user = select_identity(connection, row.principal_id) if row.principal_id is not None else None
            shown_devices.append((row.serial_number.removeprefix(beginning), _shown_device(call, row, user)))
        return shown_devices

    return page.answer("VirtualMFADevices", await call.read(query))


async def _needs_of_get(call: Call) -> Sequence[Requirement]:
    """The permission is one on the user whose device it is."""
    action = "iam:GetMFADevice"
    name = call.params.get("UserName")

    def holder(connection: Connection) -> str | None:
        row = own_device(connection, call)
        user = select_identity(connection, row.principal_id) if row is not None and row.principal_id else None
        return None if user is None else str(user.name)

    call.target = await call.read(holder)
    wanted = name or call.target
    if wanted is None:
        return (on(call, action),)
    return (on_found(call, action, await find_entity(call, USER, wanted)),)


@operation(IAM, "GetMFADevice", needs=_needs_of_get, reads_only=True)
async def get_mfa_device(call: Call) -> Answer:
    """Describe a device of a user. Source: IAM API Reference, GetMFADevice."""
    row = await call.read(lambda connection: current_device(connection, call))
    holder: str | None = call.target
    if holder is None or call.params.get("UserName") not in (None, holder) or row.enabled_at is None:
        raise errors.no_such_entity(f"MFA Device {row.serial_number} is not associated with the user.")
    return {"UserName": holder, "SerialNumber": row.serial_number, "EnableDate": as_datetime(row.enabled_at)}
