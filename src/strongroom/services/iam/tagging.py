"""The operations on tags: the same three for everything of IAM that has tags.

Source: IAM User Guide, "Tags for AWS Identity and Access Management resources".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from strongroom.identities.identifiers import ROLE, USER
from strongroom.identities.tables import select_oidc_provider
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, Needs, operation
from strongroom.services.iam import errors, tables
from strongroom.services.iam.access import on_entity
from strongroom.services.iam.change import change_account
from strongroom.services.iam.instance_profiles import on_profile
from strongroom.services.iam.managed_policies import current as current_policy
from strongroom.services.iam.managed_policies import found, on_policy
from strongroom.services.iam.mfa_devices import current_device, on_device
from strongroom.services.iam.oidc_providers import on_provider
from strongroom.services.iam.paging import Page
from strongroom.services.iam.policy_store import tables as policy_tables
from strongroom.services.iam.service import IAM
from strongroom.services.iam.tags import checked_tags, must_not_be_too_many, shown_tags, with_tags, without_tags
from strongroom.storage.connection import Connection

Tagged = Any
"""A row, or a policy, that has `tags`."""


@dataclass(frozen=True, slots=True)
class Taggable:
    """One kind of thing that has tags. `word` is what its operations are named after (`User`: TagUser).

    `current` returns it as it is now, for reading or for a change in the same transaction, or raises NoSuchEntity;
    `put` writes its tags.
    """

    word: str
    needs: Callable[[str], Needs]
    current: Callable[[Connection, Call], Tagged]
    put: Callable[[Connection, Tagged, Mapping[str, str]], None]


def _on_kind(kind: str) -> Callable[[str], Needs]:
    return lambda action: on_entity(action, kind)


def _current_provider(connection: Connection, call: Call) -> Tagged:
    arn: str = call.params["OpenIDConnectProviderArn"]
    # A provider that was not there when permission was asked is not the one that it was given for.
    row = select_oidc_provider(connection, arn) if call.target is not None else None
    if row is None or row.account_id != call.account_id:
        raise errors.no_such_entity(f"OpenIDConnect Provider not found for arn {arn}")
    return row


_TAGGABLE = (
    *(
        Taggable(
            kind.capitalize(),
            _on_kind(kind),
            lambda connection, call: call.target.current(connection),
            lambda connection, row, tags: tables.update_identity(connection, row.unique_id, {"tags": tags}),
        )
        for kind in (USER, ROLE)
    ),
    Taggable(
        "InstanceProfile",
        on_profile,
        lambda connection, call: call.target.current(connection),
        lambda connection, row, tags: tables.update_instance_profile(connection, row.profile_id, {"tags": tags}),
    ),
    Taggable(
        "MFADevice",
        on_device,
        current_device,
        lambda connection, row, tags: tables.update_mfa_device(connection, row.serial_number, {"tags": tags}),
    ),
    Taggable(
        "Policy",
        on_policy,
        current_policy,
        lambda connection, policy, tags: policy_tables.update_policy(connection, policy.policy_id, {"tags": tags}),
    ),
    Taggable(
        "OpenIDConnectProvider",
        on_provider,
        _current_provider,
        lambda connection, row, tags: policy_tables.update_oidc_provider(connection, row.arn, {"tags": tags}),
    ),
)


def _register(kind: Taggable) -> None:
    word = kind.word

    @operation(IAM, f"Tag{word}", needs=kind.needs(f"iam:Tag{word}"))
    async def tag(call: Call) -> Answer:
        """Add tags, or overwrite them. Source: IAM API Reference, TagUser."""
        added = checked_tags(call.params["Tags"])

        def change(connection: Connection) -> Answer:
            row = kind.current(connection, call)
            tags = with_tags(row.tags, added)
            must_not_be_too_many(tags)
            kind.put(connection, row, tags)
            return {}

        return await change_account(call, change)

    @operation(IAM, f"Untag{word}", needs=kind.needs(f"iam:Untag{word}"))
    async def untag(call: Call) -> Answer:
        """Remove tags; keys that are not there are passed over. Source: IAM API Reference, UntagUser."""

        def change(connection: Connection) -> Answer:
            row = kind.current(connection, call)
            kind.put(connection, row, without_tags(row.tags, call.params["TagKeys"]))
            return {}

        return await change_account(call, change)

    @operation(IAM, f"List{word}Tags", needs=kind.needs(f"iam:List{word}Tags"), reads_only=True)
    async def list_tags(call: Call) -> Answer:
        """List tags in the order of their keys. Source: IAM API Reference, ListUserTags."""
        page = Page(call)
        if kind.current is current_policy:
            # Policies of AWS, which nobody can change, can be asked for their tags: they have none.
            tags = found(call).tags
        else:
            tags = (await call.read(lambda connection: kind.current(connection, call))).tags
        return page.numbered("Tags", shown_tags(tags))


for _kind in _TAGGABLE:
    _register(_kind)
