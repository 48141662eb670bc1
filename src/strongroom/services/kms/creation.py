"""CreateKey, and the rows that make a key."""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import errors, tables
from strongroom.services.kms.access import KeyConditions
from strongroom.services.kms.events import key_resource
from strongroom.services.kms.identifiers import new_key_id, new_multi_region_key_id
from strongroom.services.kms.key_directory import KeyDirectory, cache_name
from strongroom.services.kms.key_specs import ENCRYPT_DECRYPT, KEY_SPECS, SYMMETRIC_DEFAULT, Family, KeySpec
from strongroom.services.kms.key_stores.store_keys import backing_key_of, must_take_key, wanted_store
from strongroom.services.kms.keys import (
    ENABLED,
    FROM_KMS,
    IMPORTED,
    IN_EXTERNAL_KEY_STORE,
    MANAGED_BY_CUSTOMER,
    PENDING_IMPORT,
)
from strongroom.services.kms.material import NewKeyMaterial
from strongroom.services.kms.material_rows import insert_material
from strongroom.services.kms.policies import accepted_policy, default_key_policy
from strongroom.services.kms.quotas import KEYS_QUOTA
from strongroom.services.kms.service import KMS, own_quota
from strongroom.services.kms.tags import checked_tags
from strongroom.storage.connection import Connection


def key_values(region: str, account_id: str, now: float, **changed: Any) -> dict[str, Any]:
    """Return the column values of a new single-Region symmetric key, enabled, without rotation."""
    return {
        "region": region,
        "key_id": new_key_id(),
        "account_id": account_id,
        "created_at": now,
        "description": "",
        "usage": ENCRYPT_DECRYPT,
        "spec": SYMMETRIC_DEFAULT,
        "origin": FROM_KMS,
        "manager": MANAGED_BY_CUSTOMER,
        "state": ENABLED,
        "tags": {},
        "rotation_enabled": False,
        "grant_count": 0,
    } | changed


def checked_description(text: str) -> str:
    """Return a description. Raises ValidationException for U+0000, which not every database can hold."""
    if "\x00" in text:
        raise errors.validation("Description must not contain the null character.")
    return text


def insert_first_material(house: House, connection: Connection, key: Mapping[str, Any], new: NewKeyMaterial) -> None:
    """Seal and insert the key material that a key begins with."""
    insert_material(house, connection, key["region"], key["key_id"], new, position=0, now=key["created_at"])


def _wanted_kind(params: Mapping[str, Any]) -> tuple[KeySpec, str]:
    """Return the kind of key that is asked for, and its usage.

    Raises ValidationException where the two do not go together, UnsupportedOperationException for SM2.
    """
    spec, old_spec = params.get("KeySpec"), params.get("CustomerMasterKeySpec")
    if spec is not None and old_spec is not None:
        raise errors.validation(
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. "
            "CustomerMasterKeySpec is deprecated."
        )
    name = spec or old_spec or SYMMETRIC_DEFAULT
    kind = KEY_SPECS.get(name)
    if kind is None:
        raise errors.unsupported(f"Strongroom does not serve keys with KeySpec {name}.")
    usage = params.get("KeyUsage")
    if usage is None:
        if kind.family is not Family.SYMMETRIC:
            raise errors.validation(
                "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
            )
        usage = ENCRYPT_DECRYPT
    if usage not in kind.algorithms:
        raise errors.validation(f"KeyUsage {usage} is not compatible with KeySpec {name}")
    return kind, usage


def _wanted_origin(params: Mapping[str, Any], kind: KeySpec) -> str:
    """Return where the key material is to come from. Raises ValidationException where the kind of key forbids it."""
    origin: str = params.get("Origin") or FROM_KMS
    if origin == IMPORTED and kind.family in (Family.ML_DSA, Family.ML_KEM):
        raise errors.validation(f"KeySpec {kind.name} is not compatible with Origin {origin}")
    return origin


def must_have_room(connection: Connection, account_id: str, region: str, most: int) -> None:
    """Raise LimitExceededException when an account has the `most` keys in a Region that it may have."""
    if tables.count_customer_keys(connection, account_id, region) >= most:
        raise errors.limit_exceeded(f"The account has reached its limit of {most} keys.")


async def _needs_of_create_key(call: Call) -> Sequence[Requirement]:
    conditions = KeyConditions(call, None)
    actions = ("kms:CreateKey", "kms:TagResource") if call.params.get("Tags") else ("kms:CreateKey",)
    return [Requirement(action=a, resource="*", account_id=call.account_id, conditions=conditions) for a in actions]


@operation(KMS, "CreateKey", needs=_needs_of_create_key, quota=own_quota("CreateKey"))
async def create_key(call: Call) -> Answer:
    """Create a customer managed key. Source: AWS KMS API Reference, CreateKey."""
    params = call.params
    kind, usage = _wanted_kind(params)
    origin = _wanted_origin(params, kind)
    store = await wanted_store(call, origin)
    tags = checked_tags(params.get("Tags") or ())
    description = checked_description(params.get("Description") or "")
    values = key_values(
        call.region,
        call.account_id,
        call.now,
        description=description,
        tags=tags,
        spec=kind.name,
        usage=usage,
        origin=origin,
        state=PENDING_IMPORT if origin == IMPORTED else ENABLED,
        custom_key_store_id=params.get("CustomKeyStoreId"),
        xks_key_id=params.get("XksKeyId"),
    )
    if params.get("MultiRegion"):
        values |= {"key_id": new_multi_region_key_id(), "primary_region": call.region}
    if params.get("Policy") is None:
        values["policy"] = default_key_policy(call.account_id, call.region)
    else:
        values["policy"] = await accepted_policy(call, params["Policy"], values)
    # A key of an external key store has key material here too: what the proxy gets is encrypted already.
    has_material = origin in (FROM_KMS, IN_EXTERNAL_KEY_STORE)
    material = await NewKeyMaterial.generate(kind) if has_material else None
    directory = call.house.part(KeyDirectory)
    most = call.house.quotas.most(KEYS_QUOTA, call.account_id, call.region)
    call.made = (key_resource(call.account_id, call.region, values["key_id"]),)

    def write(connection: Connection) -> Answer:
        must_have_room(connection, call.account_id, call.region, most)
        if store is not None:
            must_take_key(connection, store, params.get("XksKeyId"))
        tables.insert_key(connection, values)
        if material is not None:
            insert_first_material(call.house, connection, values, material)
        created = directory.load(connection, call.region, values["key_id"])
        if created is None:
            raise errors.key_not_found(values["key_id"])
        return {"KeyMetadata": created.metadata()}

    async with backing_key_of(call.house, store, values["key_id"]):
        return await call.write(write, invalidates=(cache_name(call.region, values["key_id"]),))
