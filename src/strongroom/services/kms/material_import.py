"""Key material that comes from outside: GetParametersForImport, ImportKeyMaterial, DeleteImportedKeyMaterial.

Source: AWS KMS API Reference; AWS KMS Developer Guide, "Importing key material for AWS KMS keys".
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from strongroom.base.clock import as_datetime
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.crypto.key_wrap import rsa_aes_key_unwrap
from strongroom.crypto.rsa import RsaPrivateKey
from strongroom.operations.authorize import ConditionValue
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.operations.periodic import periodic
from strongroom.operations.registry import Answer, operation
from strongroom.operations.trail import AuditRecord
from strongroom.services.kms import errors, events, tables
from strongroom.services.kms.access import control_of_key
from strongroom.services.kms.import_tokens import IMPORT_SECONDS, ImportToken
from strongroom.services.kms.key_directory import cache_name
from strongroom.services.kms.key_specs import KEY_SPECS, SYMMETRIC_DEFAULT, Family, KeySpec
from strongroom.services.kms.keys import DISABLED, ENABLED, IMPORTED, PENDING_IMPORT, Key, require_not_pending_deletion
from strongroom.services.kms.material import (
    MAC_KEY_BYTES,
    SYMMETRIC_BYTES,
    NewKeyMaterial,
    generate_secret,
    new_key_material_id,
    private_key_of,
)
from strongroom.services.kms.material_rows import (
    KeyRow,
    MaterialRow,
    has_expired,
    is_same_material,
    lacks_material,
    regions_of,
    sealed_values,
)
from strongroom.services.kms.service import KMS, own_quota
from strongroom.storage.connection import Connection

DAYS_VALID_MAX = 365
DAY_SECONDS = 86_400
_WRAPPING_HASHES = {
    "RSAES_OAEP_SHA_1": "sha1",
    "RSAES_OAEP_SHA_256": "sha256",
    "RSA_AES_KEY_WRAP_SHA_1": "sha1",
    "RSA_AES_KEY_WRAP_SHA_256": "sha256",
}
"""The hash of OAEP in each wrapping algorithm. RSAES_PKCS1_V1_5 is not among them: AWS ended it in October 2023."""

_WITH_AES = "RSA_AES_KEY_WRAP"


def _must_be_imported(key: Key) -> None:
    if key.origin != IMPORTED:
        raise errors.invalid_origin(key.arn, key.origin)


def _must_fit(key: Key, algorithm: str, wrapping_spec: str) -> None:
    """Raise ValidationException where RSA alone could not hold such key material."""
    if algorithm.startswith(_WITH_AES):
        return
    too_long = key.kind.family is Family.RSA or (
        key.spec == "ECC_NIST_P521" and (algorithm, wrapping_spec) == ("RSAES_OAEP_SHA_256", "RSA_2048")
    )
    if too_long:
        raise errors.validation(f"{algorithm} with {wrapping_spec} cannot wrap key material of KeySpec {key.spec}.")


@operation(
    KMS,
    "GetParametersForImport",
    needs=control_of_key("kms:GetParametersForImport"),
    quota=own_quota("GetParametersForImport"),
    reads_only=True,
)
async def get_parameters_for_import(call: Call) -> Answer:
    """Return a public key to wrap key material with, and a token for its import. Source: GetParametersForImport."""
    key: Key = call.target
    algorithm, wrapping_spec = call.params["WrappingAlgorithm"], call.params["WrappingKeySpec"]
    _must_be_imported(key)
    require_not_pending_deletion(key.arn, key.state)
    kind = KEY_SPECS.get(wrapping_spec)
    if algorithm not in _WRAPPING_HASHES or kind is None:
        raise errors.unsupported(f"Strongroom does not serve {algorithm} with WrappingKeySpec {wrapping_spec}.")
    _must_fit(key, algorithm, wrapping_spec)
    private_key = await generate_secret(kind)
    token = ImportToken(key.arn, algorithm, call.now + IMPORT_SECONDS, private_key)
    return {
        "KeyId": key.arn,
        "ImportToken": token.seal(call.house.sealer),
        "PublicKey": private_key_of(kind, private_key).public_key,
        "ParametersValidTo": as_datetime(token.valid_to),
    }


class _Import(NamedTuple):
    """An import: the material, and what the request says of it."""

    secret: bytes
    expires_at: float | None
    is_new: bool | None
    key_material_id: str | None
    description: str | None


def _import_conditions(call: Call) -> Mapping[str, ConditionValue]:
    """Return the value of kms:ValidTo in Unix time, which both numeric and date operators of policies read.

    Source: AWS KMS Developer Guide, "AWS KMS condition keys" ("kms:ValidTo").
    """
    sent: datetime | None = call.params.get("ValidTo")
    return {"kms:validto": sent.timestamp() if sent is not None else None}


def _expiry(call: Call) -> float | None:
    """Return when the material expires (seconds), None for never. Raises ValidationException."""
    params = call.params
    valid_to: datetime | None = params.get("ValidTo")
    if params.get("ExpirationModel") == "KEY_MATERIAL_DOES_NOT_EXPIRE":
        if valid_to is not None:
            raise errors.validation(
                "A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE"
            )
        return None
    if valid_to is None:
        raise errors.validation("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
    expires_at = valid_to.timestamp()
    if not call.now < expires_at <= call.now + DAYS_VALID_MAX * DAY_SECONDS:
        raise errors.validation(f"The validTo date must be in the future, and at most {DAYS_VALID_MAX} days away.")
    return expires_at


def _unwrapped(token: ImportToken, wrapped: bytes) -> bytes:
    """Return the key material in `wrapped`. Raises InvalidCiphertextException."""
    wrapping_key = RsaPrivateKey(token.private_key, unsafe_skip_check=True)
    hash_name = _WRAPPING_HASHES[token.wrapping_algorithm]
    try:
        if not token.wrapping_algorithm.startswith(_WITH_AES):
            return wrapping_key.decrypt_oaep(wrapped, hash_name)
        return rsa_aes_key_unwrap(wrapping_key, wrapped, hash_name)
    except AuthenticationFailed:
        raise errors.invalid_ciphertext() from None


def _must_be_of_kind(kind: KeySpec, secret: bytes) -> None:
    """Raise IncorrectKeyMaterialException for key material of another kind."""
    if kind.family is Family.SYMMETRIC:
        is_right = len(secret) == SYMMETRIC_BYTES
    elif kind.family is Family.HMAC:
        is_right = len(secret) == MAC_KEY_BYTES[kind.parameter]
    else:
        try:
            private_key_of(kind, secret, was_made_here=False)
            is_right = True
        except ValueError:
            is_right = False
    if not is_right:
        raise errors.incorrect_material(f"The key material is not valid for a KMS key with KeySpec {kind.name}.")


def _requested(call: Call, key: Key) -> _Import:
    params = call.params
    _must_be_imported(key)
    require_not_pending_deletion(key.arn, key.state)
    expires_at = _expiry(call)
    token = ImportToken.open(call.house.sealer, params["ImportToken"])
    if token.key_arn != key.arn:
        raise errors.invalid_import_token()
    if token.valid_to <= call.now:
        raise errors.expired_import_token()
    secret = _unwrapped(token, params["EncryptedKeyMaterial"])
    _must_be_of_kind(key.kind, secret)
    import_type = params.get("ImportType")
    return _Import(
        secret=secret,
        expires_at=expires_at,
        is_new=None if import_type is None else import_type == "NEW_KEY_MATERIAL",
        key_material_id=params.get("KeyMaterialId"),
        description=params.get("KeyMaterialDescription"),
    )


@operation(
    KMS,
    "ImportKeyMaterial",
    needs=control_of_key("kms:ImportKeyMaterial", own=_import_conditions),
    quota=own_quota("ImportKeyMaterial"),
)
async def import_key_material(call: Call) -> Answer:
    """Give a key its key material, again, or for its next rotation. Source: API Reference, ImportKeyMaterial."""
    key: Key = call.target
    wanted = _requested(call, key)

    def write(connection: Connection) -> Answer:
        row = tables.select_key(connection, key.region, key.key_id)
        if row is None:
            raise errors.key_not_found(key.arn)
        require_not_pending_deletion(key.arn, row.state)
        rows = tables.select_materials(connection, key.region, key.key_id)
        waited = lacks_material(rows, row.origin, call.now)
        known = next((each for each in rows if is_same_material(call.house, each, wanted.secret)), None)
        if wanted.key_material_id is not None and (known is None or known.key_material_id != wanted.key_material_id):
            raise errors.incorrect_material("The key material is not the one that KeyMaterialId names.")
        if known is not None:
            key_material_id = _import_again(call, connection, known, wanted)
        else:
            key_material_id = _import_new(call, connection, row, rows, wanted)
        if waited:
            rows = tables.select_materials(connection, key.region, key.key_id)
            if not lacks_material(rows, row.origin, call.now):
                tables.update_key(connection, key.region, key.key_id, {"state": ENABLED})
        return {"KeyId": key.arn, "KeyMaterialId": key_material_id}

    return await call.write(write, invalidates=(cache_name(key.region, key.key_id),))


def _import_again(call: Call, connection: Connection, known: MaterialRow, wanted: _Import) -> str:
    if wanted.is_new:
        raise errors.incorrect_material("The key material was imported into this KMS key before: it is not new.")
    key_material_id: str = known.key_material_id
    new = NewKeyMaterial(key_material_id, wanted.secret)
    values = sealed_values(call.house, known.region, known.key_id, new, is_imported=True)
    values["expires_at"] = wanted.expires_at
    if wanted.description is not None:
        values["description"] = wanted.description
    tables.update_material(connection, known.region, known.key_id, key_material_id, values)
    return key_material_id


def _import_new(call: Call, connection: Connection, row: KeyRow, rows: Sequence[MaterialRow], wanted: _Import) -> str:
    """Insert material that the key has never had: its first one, or one that its next rotation makes current."""
    new = NewKeyMaterial(new_key_material_id(), wanted.secret)
    is_replica = row.primary_region is not None and row.primary_region != row.region
    if rows or is_replica:
        if is_replica or not wanted.is_new or row.spec != SYMMETRIC_DEFAULT:
            raise errors.incorrect_material(
                "The key material is not the one that was imported into this KMS key before."
            )
        waiting = next((each for each in rows if each.position is None), None)
        if waiting is not None and not has_expired(waiting, call.now):
            raise errors.another_material_waits(new.id, row.key_id, waiting.key_material_id)
        if waiting is not None:
            _erase(connection, row, waiting)
    shared = {
        "key_id": row.key_id,
        "key_material_id": new.id,
        "position": None if rows else 0,
        "created_at": call.now,
        "description": wanted.description,
    }
    for region in regions_of(connection, row):
        values = sealed_values(call.house, region, row.key_id, new, is_imported=True)
        if region != row.region:
            # A replica knows which material is meant for it, and has to be given it like its primary.
            values["sealed"] = None
        expires_at = wanted.expires_at if region == row.region else None
        tables.insert_material(connection, shared | values | {"region": region, "expires_at": expires_at})
    return new.id


@operation(
    KMS,
    "DeleteImportedKeyMaterial",
    needs=control_of_key("kms:DeleteImportedKeyMaterial"),
    quota=own_quota("DeleteImportedKeyMaterial"),
)
async def delete_imported_key_material(call: Call) -> Answer:
    """Erase imported key material; the key waits for it from then on. Source: DeleteImportedKeyMaterial.

    A key that waits for its deletion goes on waiting for that.
    """
    key: Key = call.target
    _must_be_imported(key)
    named: str | None = call.params.get("KeyMaterialId")

    def write(connection: Connection) -> Answer:
        row = tables.select_key(connection, key.region, key.key_id)
        if row is None:
            raise errors.key_not_found(key.arn)
        rows = tables.select_materials(connection, key.region, key.key_id)
        in_use = [each for each in rows if each.position is not None]
        wanted = named or (in_use[-1].key_material_id if in_use else None)
        found = next((each for each in rows if each.key_material_id == wanted), None)
        if found is None:
            if named is not None:
                raise errors.material_not_found(named)
            return {"KeyId": key.arn}
        _erase(connection, row, found)
        return {"KeyId": key.arn, "KeyMaterialId": found.key_material_id}

    return await call.write(write, invalidates=(cache_name(key.region, key.key_id),))


def _erase(connection: Connection, row: KeyRow, material: MaterialRow) -> None:
    """Erase one material; the key is of no use then until it is imported again, unless it only waited to rotate."""
    if material.position is None and (row.primary_region is None or row.primary_region == row.region):
        for region in regions_of(connection, row):
            tables.delete_material(connection, region, row.key_id, material.key_material_id)
        return
    values: dict[str, Any] = {"sealed": None, "expires_at": None}
    tables.update_material(connection, row.region, row.key_id, material.key_material_id, values)
    if material.position is not None and row.state in (ENABLED, DISABLED):
        tables.update_key(connection, row.region, row.key_id, {"state": PENDING_IMPORT})


@periodic("kms/expire-key-material")
async def erase_expired_material(house: House) -> None:
    """Erase the imported key material whose time is over. It was of no use already: readers look at the clock."""
    now = house.clock.now()
    for due in await house.store.read(lambda connection: tables.materials_due_for_expiry(connection, now)):
        region, key_id = due.region, due.key_id
        event = events.material_expired(due.account_id, region, key_id, now)

        def erase_if_still_due(
            connection: Connection, region: str = region, key_id: str = key_id, event: AuditRecord = event
        ) -> None:
            row = tables.select_key(connection, region, key_id)
            if row is None:
                return
            expired = [
                material
                for material in tables.select_materials(connection, region, key_id)
                if has_expired(material, now)
            ]
            for material in expired:
                _erase(connection, row, material)
            if expired:
                house.audit.insert_event(connection, event)

        await house.store.write(erase_if_still_due, invalidates=(cache_name(region, key_id),))
