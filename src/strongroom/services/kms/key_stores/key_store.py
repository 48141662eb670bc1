"""A custom key store as the operations see it: an unchanging snapshot.

Source: AWS KMS API Reference, CustomKeyStoresListEntry.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.crypto.random import random_bytes
from strongroom.envelope.sealed import Sealer
from strongroom.services.kms.key_stores import tables
from strongroom.services.kms.key_stores.xks_signature import XksCredential

AWS_CLOUDHSM = "AWS_CLOUDHSM"
EXTERNAL_KEY_STORE = "EXTERNAL_KEY_STORE"

CONNECTED = "CONNECTED"
DISCONNECTED = "DISCONNECTED"
FAILED = "FAILED"

PUBLIC_ENDPOINT = "PUBLIC_ENDPOINT"


@dataclass(frozen=True, slots=True)
class KeyStore:
    """One key store. `connection_error` tells why its state is FAILED.

    `cluster_id`, `trust_anchor` and `password` are those of an AWS CloudHSM key store, empty for others, and
    `uri_endpoint`, `uri_path` and `credential` those of an external key store. Two are equal when nothing has changed.
    """

    region: str
    id: str
    account_id: str
    name: str
    type: str
    created_at: float
    connection_state: str
    connection_error: str | None
    cluster_id: str
    trust_anchor: str
    password: str = field(repr=False)
    uri_endpoint: str
    uri_path: str
    credential: XksCredential

    def entry(self) -> dict[str, Any]:
        """Return the key store as DescribeCustomKeyStores shows it."""
        shown: dict[str, Any] = {
            "CustomKeyStoreId": self.id,
            "CustomKeyStoreName": self.name,
            "CustomKeyStoreType": self.type,
            "ConnectionState": self.connection_state,
            "CreationDate": as_datetime(self.created_at),
        }
        if self.connection_error is not None:
            shown["ConnectionErrorCode"] = self.connection_error
        if self.type == AWS_CLOUDHSM:
            return shown | {"CloudHsmClusterId": self.cluster_id, "TrustAnchorCertificate": self.trust_anchor}
        shown["XksProxyConfiguration"] = {
            "Connectivity": PUBLIC_ENDPOINT,
            "AccessKeyId": self.credential.access_key_id,
            "UriEndpoint": self.uri_endpoint,
            "UriPath": self.uri_path,
        }
        return shown


def new_store_id() -> str:
    """Return a fresh id of a key store: `cks-` and 17 hexadecimal digits."""
    return f"cks-{random_bytes(9).hex()[:17]}"


def password_columns(sealer: Sealer, region: str, store_id: str, password: str) -> dict[str, Any]:
    """Return the column with the password for a cluster, sealed."""
    return {"sealed": _seal(sealer, region, store_id, {"password": password})}


def credential_columns(sealer: Sealer, region: str, store_id: str, credential: XksCredential) -> dict[str, Any]:
    """Return the column with the credential for a proxy, sealed."""
    members = {"access_key_id": credential.access_key_id, "secret_access_key": credential.secret_access_key}
    return {"sealed": _seal(sealer, region, store_id, members)}


def store_of_row(sealer: Sealer, row: Any) -> KeyStore:
    """Return the key store that a row of `tables.CUSTOM_KEY_STORES` holds."""
    opened = json.loads(sealer.open(row.sealed, _place(row.region, row.custom_key_store_id)))
    return KeyStore(
        region=row.region,
        id=row.custom_key_store_id,
        account_id=row.account_id,
        name=row.name,
        type=row.type,
        created_at=row.created_at,
        connection_state=row.connection_state,
        connection_error=row.connection_error,
        cluster_id=row.cluster_id or "",
        trust_anchor=row.trust_anchor or "",
        password=opened.get("password", ""),
        uri_endpoint=row.uri_endpoint or "",
        uri_path=row.uri_path or "",
        credential=XksCredential(opened.get("access_key_id", ""), opened.get("secret_access_key", "")),
    )


def _seal(sealer: Sealer, region: str, store_id: str, members: dict[str, str]) -> bytes:
    return sealer.seal(json.dumps(members).encode(), _place(region, store_id))


def _place(region: str, store_id: str) -> str:
    return tables.CREDENTIAL_PLACE.format(region=region, custom_key_store_id=store_id)
