"""The keys that batches of events are sealed under: one for many batches of a log group.

A data key is made by KMS where the group has a KMS key, as the service principal with the group's ARN in the
encryption context, and is kept in plaintext for a limited time and number of uses. KMS is asked again once either is
over, and at once after any change to a KMS key, so that a disabled key counts at the next request. Without a KMS key
it is made here, and kept sealed under the house's own keys.

Source: Amazon CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS Key Management Service".
"""

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from strongroom.base.context import Origin
from strongroom.base.errors import AwsError
from strongroom.crypto.aead import KEY_BYTES, AuthenticationFailed, DerivedKeyAead
from strongroom.crypto.random import random_bytes
from strongroom.envelope.sealed import SealBroken
from strongroom.operations.house import House
from strongroom.services.logs import errors
from strongroom.services.logs.events import tables
from strongroom.services.logs.groups.directory import Group
from strongroom.services.logs.service_calls import as_service
from strongroom.storage.connection import Connection

SECONDS_MAX = 300.0
"""How long a data key seals and opens before KMS is asked again."""
OWN_SECONDS_MAX = 86_400.0
"""How long a data key seals that KMS has nothing to do with."""
USES_MAX = 100_000
CACHED_MAX = 10_000
FORMAT = b"\x01"
"""What sealed content begins with. Source: docs/formats.md, "Batch of log events"."""
_PERMISSIONS = ("kms/", "kms-grants/")
"""What the names of changes begin with that may take the use of a KMS key away from the service."""


class DataKey:
    """A data key in plaintext. It seals batches, each under a key of its own."""

    __slots__ = ("_aead", "expires_at", "id", "key_arn", "uses")

    def __init__(self, data_key_id: str, key_arn: str | None, secret: bytes, expires_at: float) -> None:
        self.id = data_key_id
        self.key_arn = key_arn
        self.expires_at = expires_at
        self.uses = 0
        self._aead = DerivedKeyAead(secret)

    def __repr__(self) -> str:
        return f"DataKey({self.id!r}, hidden)"

    def seal(self, content: bytes, place: str) -> bytes:
        """Return content, encrypted for its place."""
        return FORMAT + self._aead.encrypt(content, FORMAT + place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Return the content. Raises SealBroken when it is not what was sealed for this place."""
        if not sealed.startswith(FORMAT):
            raise SealBroken(place, "its format is not known")
        try:
            return self._aead.decrypt(sealed[len(FORMAT) :], FORMAT + place.encode())
        except AuthenticationFailed:
            raise SealBroken(place) from None


class DataKeys:
    """The data keys in use of one house."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._sealing: dict[int, DataKey] = {}
        self._opened: dict[str, DataKey] = {}
        self._making: dict[int, asyncio.Lock] = {}
        self._changes_seen = 0
        house.store.subscribe(self._forget)

    def _forget(self, names: Sequence[str]) -> None:
        if not names or any(name.startswith(_PERMISSIONS) for name in names):
            self._changes_seen += 1
            self._sealing = {number: key for number, key in self._sealing.items() if key.key_arn is None}
            self._opened = {name: key for name, key in self._opened.items() if key.key_arn is None}

    def _is_usable(self, key: DataKey) -> bool:
        return key.uses < USES_MAX and self._house.clock.now() < key.expires_at

    def _at_hand(self, group: Group) -> DataKey | None:
        key = self._sealing.get(group.number)
        return key if key is not None and key.key_arn == group.key_arn and self._is_usable(key) else None

    async def for_sealing(self, group: Group, origin: Origin | None) -> DataKey:
        """Return the data key that seals the next batch of a log group, a fresh one when there is none.

        Raises AccessDeniedException when the KMS key cannot be used, ResourceNotFoundException when the group is gone.
        """
        key = self._at_hand(group)
        if key is None:
            # Many puts that begin at once wait for one key, they do not make one each.
            lock = self._making.setdefault(group.number, asyncio.Lock())
            try:
                async with lock:
                    key = self._at_hand(group) or await self._made(group, origin)
            finally:
                if not lock.locked():
                    self._making.pop(group.number, None)
        key.uses += 1
        return key

    async def _made(self, group: Group, origin: Origin | None) -> DataKey:
        seen, now = self._changes_seen, self._house.clock.now()
        data_key_id, key_arn = uuid.uuid4().hex, group.key_arn
        if key_arn is None:
            stored = secret = random_bytes(KEY_BYTES)
        else:
            secret, stored = await self._from_kms(group, key_arn, origin)
        values = {
            "data_key_id": data_key_id,
            "group_number": group.number,
            "key_arn": key_arn,
            "created_at": int(now * 1000),
        }
        values["sealed"] = self._house.sealer.seal(stored, tables.DATA_KEY_PLACE.format(**values))
        # It is durable before anything is sealed under it: what it seals must open again after a crash.
        if not await self._house.store.write(lambda connection: tables.insert_data_key(connection, values)):
            raise errors.no_such_group()
        seconds = OWN_SECONDS_MAX if key_arn is None else SECONDS_MAX
        key = DataKey(data_key_id, key_arn, secret, now + seconds)
        if seen == self._changes_seen:
            if len(self._sealing) >= CACHED_MAX:
                self._sealing.clear()
            self._sealing[group.number] = key
            self._remember_opened(key)
        return key

    async def _from_kms(self, group: Group, key_arn: str, origin: Origin | None) -> tuple[bytes, bytes]:
        params = {"KeyId": key_arn, "KeySpec": "AES_256", "EncryptionContext": {"aws:logs:arn": group.arn}}
        answer = await self._ask_kms(group, "GenerateDataKey", params, origin)
        return answer["Plaintext"], answer["CiphertextBlob"]

    async def _ask_kms(self, group: Group, name: str, params: dict[str, Any], origin: Origin | None) -> dict[str, Any]:
        place = group.place
        try:
            return await as_service(
                self._house,
                "kms",
                name,
                params,
                region=place.region,
                account_id=place.account_id,
                source_arn=place.arn,
                origin=origin,
            )
        except AwsError as error:
            if error.status >= 500 or error.code == "ThrottlingException":
                raise
            raise errors.key_withdrawn(place.arn) from None

    def _remember_opened(self, key: DataKey) -> None:
        if len(self._opened) >= CACHED_MAX:
            self._opened.clear()
        self._opened[key.id] = key

    async def for_opening(self, group: Group, ids: Iterable[str], origin: Origin | None) -> Mapping[str, DataKey]:
        """Return the data keys of a log group by their ids.

        Raises AccessDeniedException when a KMS key cannot be used, SealBroken for a data key that is not there.
        """
        found: dict[str, DataKey] = {}
        missing = []
        for data_key_id in set(ids):
            key = self._opened.get(data_key_id)
            if key is not None and self._house.clock.now() < key.expires_at:
                found[data_key_id] = key
            else:
                missing.append(data_key_id)
        if missing:
            seen = self._changes_seen

            def read(connection: Connection) -> Sequence[Any]:
                return tables.select_data_keys(connection, group.number, missing)

            for row in await self._house.store.read(read):
                key = await self._opened_from(group, row, origin)
                found[key.id] = key
                if seen == self._changes_seen:
                    self._remember_opened(key)
            for data_key_id in missing:
                if data_key_id not in found:
                    raise SealBroken(f"logs_data_keys/{group.number}/{data_key_id}", "the data key is gone")
        return found

    async def _opened_from(self, group: Group, row: Any, origin: Origin | None) -> DataKey:
        values = row._mapping
        secret = self._house.sealer.open(values["sealed"], tables.DATA_KEY_PLACE.format(**values))
        key_arn, seconds = values["key_arn"], OWN_SECONDS_MAX
        if key_arn is not None:
            context = {"aws:logs:arn": group.arn}
            params = {"CiphertextBlob": secret, "KeyId": key_arn, "EncryptionContext": context}
            secret = (await self._ask_kms(group, "Decrypt", params, origin))["Plaintext"]
            seconds = SECONDS_MAX
        return DataKey(values["data_key_id"], key_arn, secret, self._house.clock.now() + seconds)
