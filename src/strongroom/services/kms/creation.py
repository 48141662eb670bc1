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
from strongroom.services.kms.identifiers import new_key_id
from strongroom.services.kms.key_directory import KeyDirectory, cache_name, material_place
from strongroom.services.kms.keys import ENABLED, ENCRYPT_DECRYPT, MANAGED_BY_CUSTOMER, SYMMETRIC_DEFAULT
from strongroom.services.kms.material import NewKeyMaterial
from strongroom.services.kms.policies import accepted_policy, default_key_policy
from strongroom.services.kms.quotas import KEYS_QUOTA
from strongroom.services.kms.service import KMS, own_quota
from strongroom.services.kms.tags import checked_tags
from strongroom.storage.connection import Connection


def key_values(region: str, account_id: str, now: float, **changed: Any) -> dict[str, Any]:
    """Return the column values of a new symmetric key, enabled, without rotation."""
    return {
        "region": region,
        "key_id": new_key_id(),
        "account_id": account_id,
        "created_at": now,
        "description": "",
        "usage": ENCRYPT_DECRYPT,
        "spec": SYMMETRIC_DEFAULT,
        "origin": "AWS_KMS",
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


def insert_material(
    house: House,
    connection: Connection,
    region: str,
    key_id: str,
    new: NewKeyMaterial,
    *,
    position: int,
    now: float,
    rotation_type: str | None = None,
) -> None:
    """Seal key material for its place and insert it; the highest position is the one that encrypts."""
    values = {
        "region": region,
        "key_id": key_id,
        "key_material_id": new.id,
        "position": position,
        "created_at": now,
        "rotation_type": rotation_type,
        "sealed": house.sealer.seal(new.secret, material_place(region, key_id, new.id)),
    }
    tables.insert_material(connection, values)


def _refuse_what_is_not_served(params: Mapping[str, Any]) -> None:
    spec, old_spec = params.get("KeySpec"), params.get("CustomerMasterKeySpec")
    if spec is not None and old_spec is not None:
        raise errors.validation(
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. "
            "CustomerMasterKeySpec is deprecated."
        )
    spec = spec or old_spec or SYMMETRIC_DEFAULT
    usage = params.get("KeyUsage") or ENCRYPT_DECRYPT
    if spec != SYMMETRIC_DEFAULT:
        raise errors.unsupported(f"Strongroom does not serve keys with KeySpec {spec} yet.")
    if usage != ENCRYPT_DECRYPT:
        raise errors.validation(f"KeyUsage {usage} is not compatible with KeySpec {spec}")
    if (params.get("Origin") or "AWS_KMS") != "AWS_KMS":
        raise errors.unsupported(f"Strongroom does not serve keys with Origin {params['Origin']} yet.")
    for member in ("CustomKeyStoreId", "XksKeyId"):
        if params.get(member) is not None:
            raise errors.unsupported(f"Strongroom does not serve {member} yet.")
    if params.get("MultiRegion"):
        raise errors.unsupported("Strongroom does not serve multi-Region keys yet.")


async def _needs_of_create_key(call: Call) -> Sequence[Requirement]:
    conditions = KeyConditions(call, None)
    actions = ("kms:CreateKey", "kms:TagResource") if call.params.get("Tags") else ("kms:CreateKey",)
    return [Requirement(action=a, resource="*", account_id=call.account_id, conditions=conditions) for a in actions]


@operation(KMS, "CreateKey", needs=_needs_of_create_key, quota=own_quota("CreateKey"))
async def create_key(call: Call) -> Answer:
    """Create a customer managed key. Source: AWS KMS API Reference, CreateKey."""
    params = call.params
    _refuse_what_is_not_served(params)
    tags = checked_tags(params.get("Tags") or ())
    description = checked_description(params.get("Description") or "")
    values = key_values(call.region, call.account_id, call.now, description=description, tags=tags)
    if params.get("Policy") is None:
        values["policy"] = default_key_policy(call.account_id, call.region)
    else:
        values["policy"] = await accepted_policy(call, params["Policy"], values)
    material = NewKeyMaterial.generate()
    directory = call.house.part(KeyDirectory)
    most = call.house.quotas.most(KEYS_QUOTA, call.account_id, call.region)
    call.made = (key_resource(call.account_id, call.region, values["key_id"]),)

    def write(connection: Connection) -> Answer:
        if tables.count_customer_keys(connection, call.account_id, call.region) >= most:
            raise errors.limit_exceeded(f"The account has reached its limit of {most} keys.")
        tables.insert_key(connection, values)
        insert_first_material(call.house, connection, values, material)
        created = directory.load(connection, call.region, values["key_id"])
        if created is None:
            raise errors.key_not_found(values["key_id"])
        return {"KeyMetadata": created.metadata()}

    return await call.write(write, invalidates=(cache_name(call.region, values["key_id"]),))
