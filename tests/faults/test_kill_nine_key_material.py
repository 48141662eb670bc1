"""SIGKILL under a load of key pairs, imports, replications and rotations: what was acknowledged is there and works."""

import os
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.killed_under_load import LoadWorker, assert_whole, kill_again_and_again
from tests.faults.plain_client import Answer, PlainClient
from tests.running_server import RunningServer, running_server
from tests.services.kms.importing import wrap

WORKERS = 4
HOME = "us-east-1"
REGIONS = ("eu-west-1", "ap-southeast-1")
WRAPPING = "RSA_AES_KEY_WRAP_SHA_256"
ROTATIONS_MAX = 20
SIGNER = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
ECDSA = {"SigningAlgorithm": "ECDSA_SHA_256"}

Possible = set[Any]
"""What may be true: one value where it is certain, two after a change that was cut off before its answer."""


@dataclass
class KnownKey:
    """A multi-Region key of a worker, and what the server acknowledged of it.

    `replicas` tells of each Region whether the key is there, `rotations` how often the key was rotated, `is_imported`
    whether its key material is there; `proofs` are signatures or ciphertexts, and what they were made of.
    """

    key_id: str
    signs: bool = False
    import_request: dict[str, str] = field(default_factory=dict)
    primary: Possible = field(default_factory=lambda: {HOME})
    replicas: dict[str, Possible] = field(default_factory=lambda: {region: {False} for region in REGIONS})
    rotations: Possible = field(default_factory=lambda: {0})
    is_imported: Possible = field(default_factory=lambda: {True})
    proofs: list[tuple[str, str]] = field(default_factory=list)


class Worker(LoadWorker):
    """Makes, imports, replicates and rotates keys that nobody else touches, and uses them."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.keys: list[KnownKey] = []
        self.done: set[str] = set()

    def step(self, client: PlainClient) -> None:
        """Make a key, or do something to one. What a kill has left uncertain is told by `verify` before the next."""
        if not self.keys or self.random.random() < 0.15:
            self.random.choice([self._make_signer, self._make_symmetric, self._make_imported])(client)
            return
        key = self.random.choice(self.keys)
        if key.import_request:
            self.random.choice([self._use, self._delete_material, self._import])(client, key)
        elif key.signs:
            self.random.choice([self._use, self._replicate, self._move_primary])(client, key)
        else:
            self.random.choice([self._use, self._replicate, self._move_primary, self._rotate])(client, key)

    def _make(self, client: PlainClient, **asked: Any) -> KnownKey:
        created = succeeded(client.kms("CreateKey", {"MultiRegion": True, **asked}))
        return KnownKey(created["KeyMetadata"]["KeyId"])

    def _make_signer(self, client: PlainClient) -> None:
        key = self._make(client, **SIGNER)
        key.signs = True
        self.keys.append(key)

    def _make_symmetric(self, client: PlainClient) -> None:
        self.keys.append(self._make(client))

    def _make_imported(self, client: PlainClient) -> None:
        key = self._make(client, Origin="EXTERNAL")
        asked = {"KeyId": key.key_id, "WrappingAlgorithm": WRAPPING, "WrappingKeySpec": "RSA_2048"}
        given = succeeded(client.kms("GetParametersForImport", asked))
        wrapped = wrap(b64decode(given["PublicKey"]), WRAPPING, os.urandom(32))
        key.import_request = {
            "KeyId": key.key_id,
            "ImportToken": given["ImportToken"],
            "EncryptedKeyMaterial": b64encode(wrapped).decode(),
            "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        }
        key.is_imported = {False}
        self.keys.append(key)
        self._import(client, key)

    def _use(self, client: PlainClient, key: KnownKey) -> None:
        message = b64encode(self.random.randbytes(20)).decode()
        if key.signs:
            answer = client.kms("Sign", {"KeyId": key.key_id, "Message": message, **ECDSA})
            key.proofs.append((message, succeeded(answer)["Signature"]))
        elif key.is_imported == {True}:
            answer = client.kms("Encrypt", {"KeyId": key.key_id, "Plaintext": message})
            key.proofs.append((message, succeeded(answer)["CiphertextBlob"]))
        self.done.add("signed" if key.signs else "encrypted")

    def _import(self, client: PlainClient, key: KnownKey) -> None:
        key.is_imported.add(True)
        succeeded(client.kms("ImportKeyMaterial", key.import_request))
        key.is_imported = {True}
        self.done.add("imported")

    def _delete_material(self, client: PlainClient, key: KnownKey) -> None:
        key.is_imported.add(False)
        succeeded(client.kms("DeleteImportedKeyMaterial", {"KeyId": key.key_id}))
        key.is_imported = {False}

    def _replicate(self, client: PlainClient, key: KnownKey) -> None:
        missing = [region for region, is_there in key.replicas.items() if is_there == {False}]
        if not missing:
            return
        region = self.random.choice(missing)
        key.replicas[region].add(True)
        (primary,) = key.primary
        request = {"KeyId": key.key_id, "ReplicaRegion": region}
        succeeded(client.kms("ReplicateKey", request, region=primary))
        key.replicas[region] = {True}
        self.done.add("replicated")

    def _move_primary(self, client: PlainClient, key: KnownKey) -> None:
        (primary,) = key.primary
        others = {HOME, *(region for region, is_there in key.replicas.items() if is_there == {True})} - {primary}
        if not others:
            return
        region = self.random.choice(sorted(others))
        key.primary.add(region)
        succeeded(client.kms("UpdatePrimaryRegion", {"KeyId": key.key_id, "PrimaryRegion": region}, region=primary))
        key.primary = {region}
        self.done.add("moved")

    def _rotate(self, client: PlainClient, key: KnownKey) -> None:
        (rotations,), (primary,) = key.rotations, key.primary
        if rotations == ROTATIONS_MAX:
            return
        key.rotations.add(rotations + 1)
        succeeded(client.kms("RotateKeyOnDemand", {"KeyId": key.key_id}, region=primary))
        key.rotations = {rotations + 1}
        self.done.add("rotated")


EVERYTHING = {"signed", "encrypted", "imported", "replicated", "moved", "rotated"}


def succeeded(answer: Answer) -> Any:
    """Return the content of an answer that has to be a success."""
    assert answer.status == 200, answer
    return answer.json if answer.body else {}


def settle(possible: Possible, found: Any) -> Possible:
    """Return what is certain now. What was found has to be possible."""
    assert found in possible, (found, possible)
    return {found}


def verify(server: RunningServer, workers: list[Worker]) -> None:
    """Assert that every key is as it was acknowledged, in every Region, and that what it made still holds."""
    client = PlainClient(server)
    for worker in workers:
        for key in worker.keys:
            verify_key(client, key)
            # Once is enough: each proof is looked at after the kill that came after it.
            key.proofs.clear()
    client.close()


def verify_key(client: PlainClient, key: KnownKey) -> None:
    """Assert it of one key, and settle what was uncertain."""
    metadata = succeeded(client.kms("DescribeKey", {"KeyId": key.key_id}))["KeyMetadata"]
    key.is_imported = settle(key.is_imported, metadata["KeyState"] == "Enabled")
    configuration = metadata["MultiRegionConfiguration"]
    key.primary = settle(key.primary, configuration["PrimaryKey"]["Region"])
    related = {each["Region"] for each in [configuration["PrimaryKey"], *configuration["ReplicaKeys"]]}
    for region, is_there in key.replicas.items():
        key.replicas[region] = settle(is_there, region in related)
    for region in related:
        there = succeeded(client.kms("DescribeKey", {"KeyId": key.key_id}, region=region))["KeyMetadata"]
        assert there["MultiRegionConfiguration"]["PrimaryKey"] == configuration["PrimaryKey"]
        assert there.get("CurrentKeyMaterialId") == metadata.get("CurrentKeyMaterialId")
        if not key.signs:
            listed = succeeded(client.kms("ListKeyRotations", {"KeyId": key.key_id}, region=region))
            key.rotations = settle(key.rotations, len(listed["Rotations"]))
        verify_proofs(client, key, region)


def verify_proofs(client: PlainClient, key: KnownKey, region: str) -> None:
    """Assert that signatures verify and ciphertexts open in a Region of the key."""
    for message, made in key.proofs:
        if key.signs:
            request = {"KeyId": key.key_id, "Message": message, "Signature": made, **ECDSA}
            assert succeeded(client.kms("Verify", request, region=region))["SignatureValid"]
        elif key.is_imported == {True}:
            answer = client.kms("Decrypt", {"CiphertextBlob": made}, region=region)
            assert succeeded(answer)["Plaintext"] == message
        else:
            assert client.kms("Decrypt", {"CiphertextBlob": made}).code == "KMSInvalidStateException"


WHOLE = {
    "multi-Region keys with more than one primary": """SELECT key_id FROM kms_keys WHERE primary_region IS NOT NULL
        GROUP BY key_id HAVING count(DISTINCT primary_region) > 1""",
    "multi-Region keys without their primary": """SELECT key_id FROM kms_keys AS key WHERE primary_region IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM kms_keys AS other
        WHERE other.key_id = key.key_id AND other.region = key.primary_region)""",
    "key material that not every Region of its key has": """SELECT key_id FROM kms_key_materials AS material
        GROUP BY key_id, key_material_id, position HAVING count(*) <>
        (SELECT count(*) FROM kms_keys AS key WHERE key.key_id = material.key_id)""",
    "enabled keys without key material": """SELECT key_id FROM kms_keys AS key WHERE state = 'Enabled'
        AND NOT EXISTS (SELECT 1 FROM kms_key_materials AS material WHERE material.key_id = key.key_id
        AND material.region = key.region AND material.sealed IS NOT NULL)""",
}
"""What must not be found in the database of a stopped server."""


def test_what_was_acknowledged_is_there_and_works_in_every_region(tmp_path: Path) -> None:
    workers = [Worker(number) for number in range(WORKERS)]
    with running_server(tmp_path) as server:
        kill_again_and_again(
            server,
            workers,
            lambda: verify(server, workers),
            lambda: set().union(*(worker.done for worker in workers)) == EVERYTHING,
        )
        verify(server, workers)
        assert server.stop() == 0
        assert_whole(server, WHOLE)
    assert "request failed" not in server.log.read_text()
