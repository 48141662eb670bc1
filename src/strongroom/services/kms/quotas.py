"""KMS's quotas: codes, names and default values as AWS has them, and which of them a call counts against.

Sources: AWS KMS Developer Guide, "Request quotas", "Resource quotas"; the codes are those of Service Quotas. Where AWS
tells a code nowhere but in its console, the quota has a readable one of our own (`ListKeys-rate`). ML-KEM is not in
AWS's table yet; its quotas are like those of ML-DSA and of elliptic curves.
"""

from functools import cache
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.quotas.quota import Charge, Charges, Charging, RequestQuota, ResourceQuota, declare
from strongroom.services.kms import tables
from strongroom.services.kms.grants.tables import most_grants_of_a_key
from strongroom.services.kms.key_stores.tables import stores_of_accounts

_SERVICE = "kms"
_SERVICE_NAME = "AWS Key Management Service (AWS KMS)"
_CHINA = ("cn-north-1", "cn-northwest-1")


def _cryptographic(code: str, kind: str, metric: str, default: float, **by_region: float) -> RequestQuota:
    return RequestQuota(
        _SERVICE,
        code,
        f"Cryptographic operations ({kind}) request rate",
        default,
        by_region={region.replace("_", "-"): value for region, value in by_region.items()},
        description=f"Cryptographic operations with {kind} KMS keys, in a second, all operations together.",
        metric=metric,
    )


SYMMETRIC_QUOTA = _cryptographic(
    "L-6E3AF000",
    "symmetric",
    "CryptographicOperationsSymmetric",
    10_000,
    us_east_1=100_000,
    us_west_2=100_000,
    eu_west_1=100_000,
    us_east_2=20_000,
    ap_southeast_1=20_000,
    ap_southeast_2=20_000,
    ap_northeast_1=20_000,
    eu_central_1=20_000,
    eu_west_2=20_000,
)
RSA_QUOTA = _cryptographic("L-2AC98190", "RSA", "CryptographicOperationsRsa", 1_000)
ECC_QUOTA = _cryptographic("L-DC14942D", "ECC", "CryptographicOperationsEcc", 1_000)
ML_DSA_QUOTA = _cryptographic("CryptographicOperations-ML-DSA-rate", "ML-DSA", "CryptographicOperationsMlDsa", 1_000)
ML_KEM_QUOTA = _cryptographic("CryptographicOperations-ML-KEM-rate", "ML-KEM", "CryptographicOperationsMlKem", 1_000)

CUSTOM_KEY_STORE_QUOTA = RequestQuota(
    _SERVICE,
    "CustomKeyStore-rate",
    "Custom key store request rate",
    1_800,
    description="Cryptographic operations with the KMS keys of one custom key store, in a second.",
    adjustable=False,
    in_service_quotas=False,
)
"""Counted for each custom key store by itself: the scope of its charges is the store's id."""

_RATES: dict[str, tuple[str, float]] = {
    "CancelKeyDeletion": ("L-635264CC", 5),
    "ConnectCustomKeyStore": ("L-705B9E79", 5),
    "CreateAlias": ("L-F7504F73", 5),
    "CreateCustomKeyStore": ("L-08932E37", 5),
    "CreateGrant": ("L-0428A42E", 50),
    "CreateKey": ("L-32B67F4A", 5),
    "DeleteAlias": ("L-1F75ADD1", 15),
    "DeleteCustomKeyStore": ("L-E99520CB", 5),
    "DeleteImportedKeyMaterial": ("L-1233BF9B", 15),
    "DescribeCustomKeyStores": ("L-E20AA94C", 5),
    "DescribeKey": ("L-FAE8F084", 2_000),
    "DisableKey": ("L-6B8C93BD", 5),
    "DisableKeyRotation": ("L-CE1DB614", 5),
    "DisconnectCustomKeyStore": ("L-9F1FCF6D", 5),
    "EnableKey": ("L-BD96F100", 5),
    "EnableKeyRotation": ("L-BE799B67", 15),
    "GetKeyLastUsage": ("", 5),
    "GetKeyPolicy": ("", 1_000),
    "GetKeyRotationStatus": ("", 1_000),
    "GetParametersForImport": ("", 1),
    "GetPublicKey": ("", 2_000),
    "ImportKeyMaterial": ("", 15),
    "ListAliases": ("", 500),
    "ListGrants": ("", 100),
    "ListKeyPolicies": ("", 100),
    "ListKeyRotations": ("", 100),
    "ListKeys": ("", 500),
    "ListResourceTags": ("", 2_000),
    "ListRetirableGrants": ("", 100),
    "PutKeyPolicy": ("", 15),
    "ReplicateKey": ("", 5),
    "RetireGrant": ("", 50),
    "RevokeGrant": ("", 50),
    "RotateKeyOnDemand": ("", 5),
    "ScheduleKeyDeletion": ("", 15),
    "TagResource": ("", 10),
    "UntagResource": ("", 5),
    "UpdateAlias": ("", 5),
    "UpdateCustomKeyStore": ("", 5),
    "UpdateKeyDescription": ("", 5),
    "UpdatePrimaryRegion": ("", 5),
}
"""Operations with a quota of their own: its code, empty where AWS does not tell it, and requests a second."""

_PAIR_RATES: dict[str, tuple[str, float, float]] = {
    "ECC_NIST_P256": ("L-D2EEB5E0", 100, 100),
    "ECC_NIST_P384": ("L-16B46EF0", 100, 100),
    "ECC_NIST_P521": ("L-1D966DA0", 100, 100),
    "ECC_SECG_P256K1": ("", 100, 100),
    "ECC_NIST_EDWARDS25519": ("", 100, 100),
    "ML_KEM_512": ("", 100, 100),
    "ML_KEM_768": ("", 100, 100),
    "ML_KEM_1024": ("", 100, 100),
    "RSA_2048": ("", 20, 1),
    "RSA_3072": ("", 4, 0.5),
    "RSA_4096": ("", 1, 0.1),
    "SM2": ("", 25, 25),
}
"""Data key pairs by their spec: code, requests a second, and what it is in China."""

_OWN = {
    operation: RequestQuota(
        _SERVICE,
        code or f"{operation}-rate",
        f"{operation} request rate",
        rate,
        description=f"{operation} requests, in a second.",
        metric=operation,
    )
    for operation, (code, rate) in _RATES.items()
}
_PAIRS = {
    spec: RequestQuota(
        _SERVICE,
        code or f"GenerateDataKeyPair-{spec.replace('_', '-')}-rate",
        f"GenerateDataKeyPair ({spec}) request rate",
        rate,
        by_region=dict.fromkeys(_CHINA, rate_in_china),
        description=f"GenerateDataKeyPair and GenerateDataKeyPairWithoutPlaintext requests for {spec}, in a second.",
    )
    for spec, (code, rate, rate_in_china) in _PAIR_RATES.items()
}

KEYS_QUOTA = ResourceQuota(
    _SERVICE,
    "L-C2F1777E",
    "Customer Master Keys (CMKs)",
    100_000,
    description="Customer managed keys in a Region, in whatever state.",
    measure=tables.customer_keys_of_accounts,
)
ALIASES_PER_KEY_QUOTA = ResourceQuota(
    _SERVICE,
    "L-340F62FB",
    "Aliases per CMK",
    50,
    description="Aliases of one customer managed key.",
    measure=tables.most_aliases_of_a_key,
)
GRANTS_PER_KEY_QUOTA = ResourceQuota(
    _SERVICE,
    "L-D594A657",
    "Grants per CMK",
    50_000,
    description="Grants of one customer managed key.",
    measure=most_grants_of_a_key,
)
CUSTOM_KEY_STORES_QUOTA = ResourceQuota(
    _SERVICE,
    "L-F33DCFEB",
    "Custom Key Stores",
    10,
    description="Custom key stores in a Region, of either type.",
    measure=stores_of_accounts,
)
ON_DEMAND_ROTATIONS_QUOTA = ResourceQuota(
    _SERVICE,
    "L-0E66C9C0",
    "On-demand rotations per CMK",
    25,
    description="On-demand rotations of one customer managed key in its life.",
    adjustable=False,
    measure=tables.most_on_demand_rotations_of_a_key,
)
KEY_POLICY_BYTES_QUOTA = ResourceQuota(
    _SERVICE,
    "KeyPolicyDocumentSize",
    "Key policy document size",
    32_768,
    description="Bytes of a key policy.",
    adjustable=False,
    in_service_quotas=False,
)

declare(
    _SERVICE_NAME,
    [
        *(SYMMETRIC_QUOTA, RSA_QUOTA, ECC_QUOTA, ML_DSA_QUOTA, ML_KEM_QUOTA, CUSTOM_KEY_STORE_QUOTA),
        *_OWN.values(),
        *_PAIRS.values(),
        *(KEYS_QUOTA, ALIASES_PER_KEY_QUOTA, GRANTS_PER_KEY_QUOTA, CUSTOM_KEY_STORES_QUOTA),
        *(ON_DEMAND_ROTATIONS_QUOTA, KEY_POLICY_BYTES_QUOTA),
    ],
)

_IN_A_STORE = ("AWS_CLOUDHSM", "EXTERNAL_KEY_STORE")
"""The origins of keys in a custom key store."""

_KINDS = (
    ("SYMMETRIC_", SYMMETRIC_QUOTA),
    ("HMAC_", SYMMETRIC_QUOTA),
    ("RSA_", RSA_QUOTA),
    ("ECC_", ECC_QUOTA),
    ("SM2", ECC_QUOTA),
    ("ML_DSA_", ML_DSA_QUOTA),
    ("ML_KEM_", ML_KEM_QUOTA),
)


def own_quota(operation: str) -> RequestQuota | Charging:
    """Return what an operation counts against that shares no quota with others.

    ReplicateKey and UpdatePrimaryRegion count in two Regions. Raises LookupError for an operation without one.
    """
    if operation == "ReplicateKey":
        return _replicate_key_quota
    if operation == "UpdatePrimaryRegion":
        return _update_primary_region_quota
    return _OWN[operation]


def cryptographic_quota(call: Call) -> Charges:
    """Return what a cryptographic operation counts against, by the spec of its key, or of the data key pair it makes.

    `call.target` is the key, or something with a `key`, or both keys of ReEncrypt; a call without a key
    (GenerateRandom) counts as symmetric. A key in a custom key store counts against the quota of the store as well.
    """
    target: Any = call.target
    if "KeyPairSpec" in call.params:
        return _PAIRS.get(call.params["KeyPairSpec"], SYMMETRIC_QUOTA).once
    if target is None:
        return SYMMETRIC_QUOTA.once
    if hasattr(target, "spec"):
        return _charges_of(target)
    if hasattr(target, "key"):
        return _charges_of(target.key)
    # What both keys of ReEncrypt count against is charged once: it is one request.
    keys = [getattr(each, "key", each) for each in target]
    return tuple(dict.fromkeys(charge for key in keys for charge in _charges_of(key)))


def _charges_of(key: Any) -> Charges:
    """Return what an operation with a key counts against. All accounts that use a custom key store share its bucket."""
    of_key = _quota_for(key.spec).once
    if key.origin not in _IN_A_STORE:
        return of_key
    return *of_key, Charge(CUSTOM_KEY_STORE_QUOTA, 1, key.account_id, key.region, key.custom_key_store_id)


@cache
def _quota_for(spec: str) -> RequestQuota:
    """Return the quota of cryptographic operations with keys of `spec`. An unknown one counts as symmetric."""
    return next((quota for prefix, quota in _KINDS if spec.startswith(prefix)), SYMMETRIC_QUOTA)


def _replicate_key_quota(call: Call) -> Charges:
    """Source: AWS KMS Developer Guide, "Request quotas": one request here, and two CreateKey in the other Region."""
    return Charge(_OWN["ReplicateKey"]), Charge(_OWN["CreateKey"], 2, region=call.params["ReplicaRegion"])


def _update_primary_region_quota(call: Call) -> Charges:
    """Source: AWS KMS Developer Guide, "Request quotas": one request in each of the two Regions."""
    quota = _OWN["UpdatePrimaryRegion"]
    return Charge(quota), Charge(quota, region=call.params["PrimaryRegion"])
