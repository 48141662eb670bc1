"""Which of KMS's quotas a call counts against, and what AWS says of each."""

from dataclasses import dataclass
from typing import Any, cast

import pytest

from strongroom.model.service import service_model
from strongroom.operations.call import Call
from strongroom.operations.quotas.quota import QUOTAS, Charge, RequestQuota
from strongroom.operations.registry import OPERATIONS
from strongroom.services.kms.encryption import Opening
from strongroom.services.kms.keys import Key
from strongroom.services.kms.quotas import (
    CUSTOM_KEY_STORE_QUOTA,
    ECC_QUOTA,
    ML_DSA_QUOTA,
    ML_KEM_QUOTA,
    RSA_QUOTA,
    SYMMETRIC_QUOTA,
    cryptographic_quota,
    own_quota,
)

CRYPTOGRAPHIC = {
    *("Encrypt", "Decrypt", "ReEncrypt", "Sign", "Verify", "GenerateMac", "VerifyMac", "DeriveSharedSecret"),
    *("Encapsulate", "Decapsulate", "GenerateRandom", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
    *("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
}


@dataclass(frozen=True)
class SomeKey:
    """As much of a key as its quota depends on."""

    spec: str
    origin: str = "AWS_KMS"
    account_id: str = "111122223333"
    region: str = "us-east-1"
    custom_key_store_id: str | None = None


class SomeCall:
    """As much of a call as its quota depends on."""

    def __init__(self, target: Any = None, **params: Any) -> None:
        self.target = target
        self.params = params


def charged(target: Any = None, **params: Any) -> list[Charge]:
    return list(cryptographic_quota(cast(Call, SomeCall(target, **params))))


def test_every_spec_of_the_model_counts_against_the_quota_of_its_kind() -> None:
    expected = {
        "SYMMETRIC_DEFAULT": SYMMETRIC_QUOTA,
        **dict.fromkeys(("HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512"), SYMMETRIC_QUOTA),
        **dict.fromkeys(("RSA_2048", "RSA_3072", "RSA_4096"), RSA_QUOTA),
        **dict.fromkeys(("ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1"), ECC_QUOTA),
        **dict.fromkeys(("ECC_NIST_EDWARDS25519", "SM2"), ECC_QUOTA),
        **dict.fromkeys(("ML_DSA_44", "ML_DSA_65", "ML_DSA_87"), ML_DSA_QUOTA),
        **dict.fromkeys(("ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"), ML_KEM_QUOTA),
    }
    assert set(expected) == set(service_model("kms").shapes["KeySpec"].enum or ())
    for spec, quota in expected.items():
        assert charged(SomeKey(spec)) == [Charge(quota)]
    assert charged(SomeKey("TO_COME_2030")) == [Charge(SYMMETRIC_QUOTA)]


def test_a_data_key_pair_counts_by_its_own_spec() -> None:
    specs = service_model("kms").shapes["DataKeyPairSpec"].enum or ()
    found = [charged(SomeKey("SYMMETRIC_DEFAULT"), KeyPairSpec=spec) for spec in specs]
    assert all(len(each) == 1 for each in found)
    assert len({each[0].quota for each in found}) == len(specs)
    assert [each[0].quota.name for each in found] == [f"GenerateDataKeyPair ({spec}) request rate" for spec in specs]


def test_what_a_call_names_its_key_by_does_not_matter() -> None:
    rsa, symmetric = SomeKey("RSA_2048"), SomeKey("SYMMETRIC_DEFAULT")
    assert charged(Opening(cast(Key, rsa), b"")) == [Charge(RSA_QUOTA)]
    assert charged() == [Charge(SYMMETRIC_QUOTA)]
    assert charged((Opening(cast(Key, rsa), b""), symmetric)) == [Charge(RSA_QUOTA), Charge(SYMMETRIC_QUOTA)]
    assert charged((Opening(cast(Key, rsa), b""), rsa)) == [Charge(RSA_QUOTA)]


@pytest.mark.parametrize("origin", ["AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"])
def test_a_key_in_a_custom_key_store_counts_against_the_store_too(origin: str) -> None:
    key = SomeKey("SYMMETRIC_DEFAULT", origin, "444455556666", "eu-west-1", "cks-1234567890abcdef0")
    of_store = Charge(CUSTOM_KEY_STORE_QUOTA, 1, "444455556666", "eu-west-1", "cks-1234567890abcdef0")
    assert charged(key) == [Charge(SYMMETRIC_QUOTA), of_store]
    assert charged((Opening(cast(Key, key), b""), key)) == [Charge(SYMMETRIC_QUOTA), of_store]


def test_two_operations_count_in_two_regions() -> None:
    replicate, update = own_quota("ReplicateKey"), own_quota("UpdatePrimaryRegion")
    assert callable(replicate)
    assert callable(update)
    here, there = replicate(cast(Call, SomeCall(ReplicaRegion="eu-west-1")))
    assert (here.quota.name, here.requests, here.region) == ("ReplicateKey request rate", 1, None)
    assert (there.quota.code, there.requests, there.region) == ("L-32B67F4A", 2, "eu-west-1")
    charges = update(cast(Call, SomeCall(PrimaryRegion="eu-west-1")))
    assert [(each.quota.name, each.region) for each in charges] == [
        ("UpdatePrimaryRegion request rate", None),
        ("UpdatePrimaryRegion request rate", "eu-west-1"),
    ]


def test_every_operation_of_the_model_has_a_quota() -> None:
    for name in service_model("kms").operations:
        if name not in CRYPTOGRAPHIC:
            assert own_quota(name)
    with pytest.raises(LookupError):
        own_quota("Encrypt")


def test_cryptographic_operations_count_by_their_key() -> None:
    served = {name: each for (service, name), each in OPERATIONS.items() if service == "kms"}
    for name in CRYPTOGRAPHIC & set(served):
        assert served[name].quota is cryptographic_quota, name
    for name in set(served) - CRYPTOGRAPHIC:
        assert served[name].quota is own_quota(name) or callable(served[name].quota), name


@pytest.mark.parametrize(
    ("code", "region", "value"),
    [
        ("L-6E3AF000", "us-east-1", 100_000),
        ("L-6E3AF000", "us-west-2", 100_000),
        ("L-6E3AF000", "eu-west-1", 100_000),
        ("L-6E3AF000", "eu-central-1", 20_000),
        ("L-6E3AF000", "ap-northeast-1", 20_000),
        ("L-6E3AF000", "eu-north-1", 10_000),
        ("L-2AC98190", "us-east-1", 1_000),
        ("L-DC14942D", "us-east-1", 1_000),
        ("L-32B67F4A", "us-east-1", 5),
        ("L-0428A42E", "us-east-1", 50),
        ("L-FAE8F084", "us-east-1", 2_000),
        ("L-D2EEB5E0", "us-east-1", 100),
        ("GenerateDataKeyPair-RSA-3072-rate", "us-east-1", 4),
        ("GenerateDataKeyPair-RSA-3072-rate", "cn-north-1", 0.5),
        ("L-C2F1777E", "us-east-1", 100_000),
        ("L-340F62FB", "us-east-1", 50),
        ("L-D594A657", "us-east-1", 50_000),
        ("L-F33DCFEB", "us-east-1", 10),
    ],
)
def test_the_defaults_are_those_of_aws(code: str, region: str, value: float) -> None:
    """Source: AWS KMS Developer Guide, "Request quotas", "Resource quotas"."""
    assert QUOTAS[f"kms/{code}"].default_in(region) == value


def test_what_service_quotas_cannot_change() -> None:
    fixed = {quota.name for quota in QUOTAS.values() if quota.service_code == "kms" and not quota.adjustable}
    assert fixed == {
        "Custom key store request rate",
        "On-demand rotations per CMK",
        "Key policy document size",
    }
    assert all(isinstance(QUOTAS[f"kms/{code}"], RequestQuota) for code in ("L-6E3AF000", "ListKeys-rate"))
