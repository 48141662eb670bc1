"""What a client of a server knows that makes its requests go deep: keys, ciphertexts, grants, whole requests."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import strategies as st
from tests.faults.generated_values import ANY_JSON, POLICIES, Shapes, as_base64, mostly
from tests.faults.plain_client import PlainClient
from tests.services.kms.importing import wrap

from strongroom.model.shapes import Shape

ROOT_ARN = "arn:aws:iam::000000000000:root"
OAEP = "RSAES_OAEP_SHA_256"
WRAPPING = "RSA_AES_KEY_WRAP_SHA_256"
QUICK_SPECS = ["ECC_NIST_P256", "ECC_NIST_EDWARDS25519", "ML_DSA_44", "ML_KEM_768", "HMAC_256", "AES_256"]
REGIONS = ["eu-west-1", "us-east-1", "ap-southeast-1", "cn-north-1", "nowhere", ""]
Request = dict[str, Any]

KINDS = {
    "rsa": {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
    "signer": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
    "edwards": {"KeySpec": "ECC_NIST_EDWARDS25519", "KeyUsage": "SIGN_VERIFY"},
    "lattice": {"KeySpec": "ML_DSA_44", "KeyUsage": "SIGN_VERIFY"},
    "mac": {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
    "agreement": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"},
    "encapsulation": {"KeySpec": "ML_KEM_768", "KeyUsage": "ENCAPSULATE_DECAPSULATE"},
    "imported": {"Origin": "EXTERNAL"},
    "primary": {"MultiRegion": True},
}
"""Keys of other kinds than the usual one, by what they are called here, and what CreateKey is told to make them."""


class KnownKeys:
    """What a client of the server knows. `requests` has, by operation, requests that succeed."""

    def __init__(self, client: PlainClient) -> None:
        self._client = client
        created = [self._answer("CreateKey", {})["KeyMetadata"] for _ in range(3)]
        self.kinds = {name: self._answer("CreateKey", kind)["KeyMetadata"]["KeyId"] for name, kind in KINDS.items()}
        self.keys = [key["KeyId"] for key in created] + [created[0]["Arn"], "alias/known", "alias/aws/s3"]
        self.requests: dict[str, list[Request]] = {}
        self._import = self._wrapped_material()
        self.revive()
        context = {"a": "b"}
        encrypt = {"KeyId": self.keys[0], "Plaintext": "eHl6", "EncryptionContext": context}
        self.contexts = [context, {}, {"a": "c"}, {"a": "b", "": ""}]
        self.blobs = [self._answer("Encrypt", encrypt)["CiphertextBlob"]]
        self.markers = [self._answer("ListKeys", {"Limit": 1})["NextMarker"]]
        grant = {"KeyId": self.keys[0], "GranteePrincipal": ROOT_ARN, "Operations": ["Decrypt", "RetireGrant"]}
        self.grants = [self._answer("CreateGrant", {**grant, "Name": str(number)}) for number in range(2)]
        self._try_every_kind()

    def _answer(self, operation: str, request: Request) -> Any:
        answer = self._client.kms(operation, request)
        assert answer.status == 200, (operation, answer)
        return answer.json if answer.body else {}

    def _keep(self, operation: str, request: Request) -> Any:
        """Return the answer to a request, which has to succeed, and keep it to be sent again and varied."""
        self.requests.setdefault(operation, []).append(request)
        return self._answer(operation, request)

    def _wrapped_material(self) -> Request:
        """Return a request that imports key material, and may be sent again and again."""
        asked = {"KeyId": self.kinds["imported"], "WrappingAlgorithm": WRAPPING, "WrappingKeySpec": "RSA_2048"}
        given = self._keep("GetParametersForImport", asked)
        wrapped = wrap(base64.b64decode(given["PublicKey"]), WRAPPING, bytes(range(32)))
        request = {"KeyId": asked["KeyId"], "ImportToken": given["ImportToken"]}
        request |= {"EncryptedKeyMaterial": as_base64(wrapped), "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
        self.requests["ImportKeyMaterial"] = [request]
        self.requests["DeleteImportedKeyMaterial"] = [{"KeyId": asked["KeyId"]}]
        return request

    def revive(self) -> None:
        """Make the keys usable again, but for one that is disabled."""
        for key in [*self.keys[:3], *self.kinds.values()]:
            self._client.kms("CancelKeyDeletion", {"KeyId": key})
            self._client.kms("EnableKey", {"KeyId": key})
        self._client.kms("DisableKey", {"KeyId": self.keys[1]})
        self._client.kms("CreateAlias", {"AliasName": "alias/known", "TargetKeyId": self.keys[0]})
        self._client.kms("ImportKeyMaterial", self._import)

    def _try_every_kind(self) -> None:
        kinds = self.kinds
        for public in ("rsa", "signer", "edwards", "agreement", "encapsulation"):
            self._keep("GetPublicKey", {"KeyId": kinds[public]})
        sealed = self._keep("Encrypt", {"KeyId": kinds["rsa"], "Plaintext": "eHl6", "EncryptionAlgorithm": OAEP})
        opening = {"CiphertextBlob": sealed["CiphertextBlob"]}
        self._keep("Decrypt", {**opening, "KeyId": kinds["rsa"], "EncryptionAlgorithm": OAEP})
        moving = {"SourceKeyId": kinds["rsa"], "SourceEncryptionAlgorithm": OAEP, "DestinationKeyId": self.keys[0]}
        self._keep("ReEncrypt", {**opening, **moving})
        self._keep("GenerateDataKeyPairWithoutPlaintext", {"KeyId": self.keys[0], "KeyPairSpec": "ECC_NIST_P521"})
        self._keep("GenerateDataKeyPair", {"KeyId": self.keys[0], "KeyPairSpec": "ECC_NIST_P256"})
        self._sign_and_verify("signer", "ECDSA_SHA_256", "RAW", b"message")
        self._sign_and_verify("signer", "ECDSA_SHA_256", "DIGEST", bytes(32))
        self._sign_and_verify("edwards", "ED25519_SHA_512", "RAW", b"x")
        self._sign_and_verify("edwards", "ED25519_PH_SHA_512", "DIGEST", bytes(64))
        self._sign_and_verify("lattice", "ML_DSA_SHAKE_256", "EXTERNAL_MU", bytes(64))
        mac = {"KeyId": kinds["mac"], "Message": "eHl6", "MacAlgorithm": "HMAC_SHA_256"}
        self._keep("VerifyMac", {**mac, "Mac": self._keep("GenerateMac", mac)["Mac"]})
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public_key = ec.generate_private_key(ec.SECP256R1()).public_key()
        agreed = {"KeyId": kinds["agreement"], "KeyAgreementAlgorithm": "ECDH"}
        encoded = as_base64(public_key.public_bytes(serialization.Encoding.DER, form))
        self._keep("DeriveSharedSecret", {**agreed, "PublicKey": encoded})
        shared = {"KeyId": kinds["encapsulation"], "EncapsulationAlgorithm": "ML_KEM"}
        made = self._keep("Encapsulate", shared)
        self._keep("Decapsulate", {**shared, "SharedSecretCiphertextBlob": made["SharedSecretCiphertextBlob"]})
        self._keep("ListKeyRotations", {"KeyId": kinds["imported"], "IncludeKeyMaterial": "ALL_KEY_MATERIAL"})
        self._keep("ReplicateKey", {"KeyId": kinds["primary"], "ReplicaRegion": "eu-west-1"})
        self.requests["UpdatePrimaryRegion"] = [{"KeyId": kinds["primary"], "PrimaryRegion": "eu-west-1"}]
        self._keep("RotateKeyOnDemand", {"KeyId": kinds["primary"]})

    def _sign_and_verify(self, kind: str, algorithm: str, message_type: str, message: bytes) -> None:
        request = {"KeyId": self.kinds[kind], "SigningAlgorithm": algorithm, "MessageType": message_type}
        request["Message"] = as_base64(message)
        self._keep("Verify", {**request, "Signature": self._keep("Sign", request)["Signature"]})

    def values(self, name: str) -> st.SearchStrategy[Any]:
        """Return values that would do for a member of this name, or no values at all."""
        if name in ("KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId"):
            return st.sampled_from([*self.keys, *self.kinds.values()])
        if name == "AliasName":
            return st.sampled_from(["alias/known", "alias/other", "alias/aws/s3", "alias/" + "x" * 250])
        if name == "CiphertextBlob":
            return st.one_of(st.sampled_from(self.blobs), damaged_blobs(self.blobs[0]))
        if name.endswith("EncryptionContext"):
            return st.sampled_from(self.contexts)
        if name == "Marker":
            return st.one_of(st.sampled_from(self.markers), st.binary(max_size=60).map(as_base64))
        if name == "Policy":
            return st.one_of(POLICIES, ANY_JSON.map(json.dumps))
        if name == "PolicyName":
            return st.just("default")
        if name in ("GrantId", "GrantToken"):
            return st.sampled_from([grant[name] for grant in self.grants])
        if name == "GrantTokens":
            return st.lists(st.sampled_from([grant["GrantToken"] for grant in self.grants]), max_size=2)
        if name in ("GranteePrincipal", "RetiringPrincipal"):
            return st.sampled_from([ROOT_ARN, "arn:aws:iam::000000000000:user/nobody"])
        if name in ("KeySpec", "KeyPairSpec", "CustomerMasterKeySpec"):
            return st.sampled_from(QUICK_SPECS)
        if name in ("ReplicaRegion", "PrimaryRegion"):
            return st.sampled_from(REGIONS)
        if name == "Message":
            return st.sampled_from([0, 1, 20, 32, 48, 64, 4096, 4097]).map(lambda size: as_base64(bytes(size)))
        return st.nothing()

    def varied(self, operation: str, shape: Shape, shapes: Shapes) -> st.SearchStrategy[Request]:
        """Return requests that succeed, but for a member or two that another value is put in, or a damaged one."""
        right = self.requests.get(operation)
        if right is None:
            return st.nothing()
        others = {name: shapes.values(reference.target, name, 1) for name, reference in shape.members.items()}
        names = st.lists(st.sampled_from(sorted(others)), max_size=2, unique=True)
        changes = names.flatmap(lambda chosen: st.fixed_dictionaries({name: others[name] for name in chosen}))
        blobs = [name for name, reference in shape.members.items() if reference.target.type == "blob"]
        changed = st.builds(lambda request, change: request | change, st.sampled_from(right), changes)
        return mostly(changed, st.sampled_from(right).flatmap(lambda request: damaged_in(request, blobs)), 40)


def damaged_in(request: Request, blobs: list[str]) -> st.SearchStrategy[Request]:
    """Return a request with one of its blobs damaged, or as it is when it has none."""
    damaged: Mapping[str, Any] = {name: damaged_blobs(request[name]) for name in blobs if name in request}
    if not damaged:
        return st.just(request)
    one = st.sampled_from(sorted(damaged)).flatmap(lambda name: st.fixed_dictionaries({name: damaged[name]}))
    return one.map(lambda change: request | change)


def damaged_blobs(blob: str) -> st.SearchStrategy[str]:
    """Return a blob (Base64) with some bytes changed, cut off or added."""
    whole = base64.b64decode(blob)
    positions = st.integers(0, len(whole) - 1)
    bytes_changed = st.builds(
        lambda at, byte: whole[:at] + bytes([byte]) + whole[at + 1 :], positions, st.integers(0, 255)
    )
    cut_off, longer = positions.map(lambda end: whole[:end]), st.binary(max_size=20).map(whole.__add__)
    return st.one_of(bytes_changed, cut_off, longer).map(as_base64)
