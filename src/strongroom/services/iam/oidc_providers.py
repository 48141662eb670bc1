"""OpenID Connect identity providers: whom an account trusts to vouch for web identities.

Their tokens are checked by STS. Source: IAM User Guide, "Create an OpenID Connect (OIDC) identity provider in IAM",
"IAM and AWS STS quotas".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from strongroom.base.arn import Arn, parse_arn
from strongroom.base.clock import as_datetime
from strongroom.identities.tables import select_oidc_provider
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.callers import NO_TAGS
from strongroom.operations.registry import Answer, Needs, operation
from strongroom.services.iam import errors
from strongroom.services.iam.access import account_wide, on
from strongroom.services.iam.change import change_account
from strongroom.services.iam.policy_store import tables
from strongroom.services.iam.service import IAM
from strongroom.services.iam.tags import checked_tags, shown_tags
from strongroom.storage.connection import Connection

PROVIDERS_PER_ACCOUNT_MAX = 100
CLIENT_IDS_MAX = 100
THUMBPRINTS_MAX = 5

_SCHEME = "https://"
_PREFIX = "oidc-provider/"
_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()+,;=:@%/-]*)?")
_THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}")

ProviderRow = Any
"""A row of `identities.tables.OIDC_PROVIDERS`."""


def _checked_url(url: str) -> str:
    """Return the URL of a provider without its scheme: what its ARN holds. Raises ValidationError."""
    if not _URL.fullmatch(url) or not urlsplit(url).hostname:
        raise errors.validation("Invalid Open ID Connect Provider URL")
    return url.removeprefix(_SCHEME)


def _checked_client_ids(client_ids: Sequence[str]) -> list[str]:
    unique = list(dict.fromkeys(client_ids))
    if len(unique) > CLIENT_IDS_MAX:
        raise errors.quota_exceeded("ClientIdsPerOpenIdConnectProvider", CLIENT_IDS_MAX)
    return unique


def _checked_thumbprints(thumbprints: Sequence[str]) -> list[str]:
    if len(thumbprints) > THUMBPRINTS_MAX:
        raise errors.invalid_input(f"Thumbprint list must contain fewer than {THUMBPRINTS_MAX + 1} entries.")
    if not all(_THUMBPRINT.fullmatch(thumbprint) for thumbprint in thumbprints):
        raise errors.validation("A thumbprint is a SHA-1 digest of 40 hexadecimal characters.")
    return [thumbprint.lower() for thumbprint in thumbprints]


def _arn(call: Call, place: str) -> str:
    return str(Arn(call.house.directory.partition, "iam", "", call.account_id, _PREFIX + place))


async def _needs_of_creation(call: Call) -> Sequence[Requirement]:
    arn = _arn(call, _checked_url(call.params["Url"]))
    action, tag = "iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"
    return tuple(on(call, each, arn) for each in ((action, tag) if call.params.get("Tags") else (action,)))


@operation(IAM, "CreateOpenIDConnectProvider", needs=_needs_of_creation)
async def create_provider(call: Call) -> Answer:
    """Trust an identity provider. Source: IAM API Reference, CreateOpenIDConnectProvider."""
    params = call.params
    arn = _arn(call, _checked_url(params["Url"]))
    tags = checked_tags(params.get("Tags"))
    values = {
        "arn": arn,
        "account_id": call.account_id,
        "url": params["Url"].removeprefix(_SCHEME),
        "client_ids": _checked_client_ids(params.get("ClientIDList", ())),
        "thumbprints": _checked_thumbprints(params.get("ThumbprintList", ())),
        "created_at": call.now,
        "tags": tags,
    }

    def change(connection: Connection) -> Answer:
        if select_oidc_provider(connection, arn) is not None:
            raise errors.entity_already_exists(f"Provider with url {params['Url']} already exists.")
        if len(tables.list_oidc_providers(connection, call.account_id)) >= PROVIDERS_PER_ACCOUNT_MAX:
            raise errors.quota_exceeded("OpenIdConnectProvidersPerAccount", PROVIDERS_PER_ACCOUNT_MAX)
        tables.insert_oidc_provider(connection, values)
        return {"OpenIDConnectProviderArn": arn} | ({"Tags": shown_tags(tags)} if tags else {})

    return await change_account(call, change)


@operation(IAM, "ListOpenIDConnectProviders", needs=account_wide("iam:ListOpenIDConnectProviders"), reads_only=True)
async def list_providers(call: Call) -> Answer:
    """List the ARNs of all identity providers. Source: IAM API Reference, ListOpenIDConnectProviders."""
    rows = await call.read(lambda connection: tables.list_oidc_providers(connection, call.account_id))
    return {"OpenIDConnectProviderList": [{"Arn": row.arn} for row in rows]}


def on_provider(action: str) -> Needs:
    """Declare an operation on the provider of an ARN; `call.target` is its row, None when the account has none such.

    Raises ValidationError for what is no provider's ARN.
    """

    async def needs(call: Call) -> Sequence[Requirement]:
        arn = call.params["OpenIDConnectProviderArn"]
        parts = parse_arn(arn)
        if parts is None or parts.service != "iam" or not parts.resource.startswith(_PREFIX):
            raise errors.validation("Invalid ARN:  Could not be parsed!")
        row = call.target = await call.read(lambda connection: _select_own(connection, call))
        return (on(call, action, arn, tags=NO_TAGS if row is None else row.tags),)

    return needs


def _select_own(connection: Connection, call: Call) -> ProviderRow | None:
    row = select_oidc_provider(connection, call.params["OpenIDConnectProviderArn"])
    return row if row is not None and row.account_id == call.account_id else None


def _found(call: Call, row: ProviderRow | None) -> ProviderRow:
    if row is None:
        arn = call.params["OpenIDConnectProviderArn"]
        raise errors.no_such_entity(f"OpenIDConnect Provider not found for arn {arn}")
    return row


@operation(IAM, "GetOpenIDConnectProvider", needs=on_provider("iam:GetOpenIDConnectProvider"), reads_only=True)
async def get_provider(call: Call) -> Answer:
    """Describe an identity provider. Source: IAM API Reference, GetOpenIDConnectProvider."""
    row = _found(call, call.target)
    return {
        "Url": row.url,
        "ClientIDList": row.client_ids,
        "ThumbprintList": row.thumbprints,
        "CreateDate": as_datetime(row.created_at),
        "Tags": shown_tags(row.tags),
    }


async def _change(call: Call, columns_of: Callable[[ProviderRow], Mapping[str, Any]]) -> Answer:
    """Change columns of the provider, as `columns_of` says from its row as it is now."""

    def change(connection: Connection) -> Answer:
        row = _found(call, _select_own(connection, call))
        tables.update_oidc_provider(connection, row.arn, columns_of(row))
        return {}

    return await change_account(call, change)


@operation(IAM, "AddClientIDToOpenIDConnectProvider", needs=on_provider("iam:AddClientIDToOpenIDConnectProvider"))
async def add_client_id(call: Call) -> Answer:
    """Let tokens for one more audience count. Source: IAM API Reference, AddClientIDToOpenIDConnectProvider."""
    client_id = call.params["ClientID"]
    return await _change(call, lambda row: {"client_ids": _checked_client_ids([*row.client_ids, client_id])})


@operation(
    IAM, "RemoveClientIDFromOpenIDConnectProvider", needs=on_provider("iam:RemoveClientIDFromOpenIDConnectProvider")
)
async def remove_client_id(call: Call) -> Answer:
    """Let tokens for an audience count no longer.

    Source: IAM API Reference, RemoveClientIDFromOpenIDConnectProvider.
    """
    client_id = call.params["ClientID"]
    return await _change(call, lambda row: {"client_ids": [each for each in row.client_ids if each != client_id]})


@operation(IAM, "UpdateOpenIDConnectProviderThumbprint", needs=on_provider("iam:UpdateOpenIDConnectProviderThumbprint"))
async def update_thumbprints(call: Call) -> Answer:
    """Put other thumbprints in place of a provider's.

    Source: IAM API Reference, UpdateOpenIDConnectProviderThumbprint.
    """
    thumbprints = _checked_thumbprints(call.params["ThumbprintList"])
    return await _change(call, lambda row: {"thumbprints": thumbprints})


@operation(IAM, "DeleteOpenIDConnectProvider", needs=on_provider("iam:DeleteOpenIDConnectProvider"))
async def delete_provider(call: Call) -> Answer:
    """Trust an identity provider no longer; nothing happens where there is none.

    Source: IAM API Reference, DeleteOpenIDConnectProvider.
    """

    def change(connection: Connection) -> Answer:
        row = _select_own(connection, call)
        if row is not None:
            tables.delete_oidc_provider(connection, row.arn)
        return {}

    return await change_account(call, change)
