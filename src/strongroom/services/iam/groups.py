"""Groups of users. Source: IAM User Guide, "IAM user groups"; IAM API Reference."""

from strongroom.identities.identifiers import GROUP
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import errors, tables
from strongroom.services.iam.access import creation, listing, on_entity
from strongroom.services.iam.change import change_account
from strongroom.services.iam.entity import EntityRow
from strongroom.services.iam.lifecycle import insert_new, list_all, new_row, remove, rename, renaming, shown
from strongroom.services.iam.paging import Page
from strongroom.services.iam.service import IAM
from strongroom.storage.connection import Connection


@operation(IAM, "CreateGroup", needs=creation("iam:CreateGroup", GROUP))
async def create_group(call: Call) -> Answer:
    """Make a group without members. Source: IAM API Reference, CreateGroup."""
    values = new_row(call, GROUP)

    def change(connection: Connection) -> Answer:
        return {"Group": shown(call, insert_new(connection, call, values))}

    return await change_account(call, change)


@operation(IAM, "GetGroup", needs=on_entity("iam:GetGroup", GROUP), reads_only=True)
async def get_group(call: Call) -> Answer:
    """Describe a group, with its users in the order of their names. Source: IAM API Reference, GetGroup."""
    row = call.target.found()
    page = Page(call)
    members = await call.read(
        lambda connection: tables.list_members(connection, row.unique_id, page.after, page.limit + 1)
    )
    users = page.answer("Users", [(member.name, shown(call, member)) for member in members])
    return {"Group": shown(call, row)} | users


@operation(IAM, "UpdateGroup", needs=renaming("iam:UpdateGroup", GROUP))
async def update_group(call: Call) -> Answer:
    """Give a group another name or path. Source: IAM API Reference, UpdateGroup."""
    return await rename(call)


def _must_have_no_members(connection: Connection, row: EntityRow) -> None:
    if tables.list_members(connection, row.unique_id, "", 1):
        raise errors.delete_conflict("Cannot delete entity, must remove users from group first.")


@operation(IAM, "DeleteGroup", needs=on_entity("iam:DeleteGroup", GROUP))
async def delete_group(call: Call) -> Answer:
    """Delete a group that has neither members nor policies. Source: IAM API Reference, DeleteGroup."""
    return await remove(call, _must_have_no_members)


@operation(IAM, "ListGroups", needs=listing("iam:ListGroups", GROUP), reads_only=True)
async def list_groups(call: Call) -> Answer:
    """List groups. Source: IAM API Reference, ListGroups."""
    return await list_all(call, GROUP, "Groups", shown)
