"""Published answers, computed by the `cryptography` library as it is installed and by what `crypto` builds on it."""

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from tests.vectors.published import cases, of

from strongroom.crypto.mac import HmacSha256, hmac_sha256


def test_aes_256_gcm_encrypts_as_nist_does():
    done = 0
    for section, case in cases("ciphers/AES/GCM/gcmEncryptExtIV256.rsp"):
        if section["IVlen"] != "96" or section["Taglen"] != "128":
            continue
        result = AESGCM(of(case, "Key")).encrypt(of(case, "IV"), of(case, "PT"), of(case, "AAD"))
        assert result == of(case, "CT") + of(case, "Tag")
        done += 1
    assert done == 375


def test_aes_256_gcm_decrypts_and_refuses_as_nist_does():
    opened = refused = 0
    for section, case in cases("ciphers/AES/GCM/gcmDecrypt256.rsp"):
        if section["IVlen"] != "96" or section["Taglen"] != "128":
            continue
        sealed = of(case, "CT") + of(case, "Tag")
        if "FAIL" in case:
            with pytest.raises(InvalidTag):
                AESGCM(of(case, "Key")).decrypt(of(case, "IV"), sealed, of(case, "AAD"))
            refused += 1
        else:
            assert AESGCM(of(case, "Key")).decrypt(of(case, "IV"), sealed, of(case, "AAD")) == of(case, "PT")
            opened += 1
    assert opened + refused == 375
    assert refused > 100


def test_kbkdf_in_counter_mode_with_a_32_bit_counter_in_front():
    """The library's KBKDF, and the single block that `PreparedKdf` builds on `HmacSha256`."""
    done = single_blocks = 0
    for section, case in cases("KDF/nist-800-108-KBKDF-CTR.txt"):
        if (section["PRF"], section["CTRLOCATION"], section["RLEN"]) != ("HMAC_SHA256", "BEFORE_FIXED", "32_BITS"):
            continue
        length = int(case["L"]) // 8
        fixed = of(case, "FixedInputData")
        key = of(case, "KI")
        kdf = KBKDFHMAC(SHA256(), Mode.CounterMode, length, 4, None, CounterLocation.BeforeFixed, None, None, fixed)
        assert kdf.derive(key) == of(case, "KO")
        if length <= 32:
            block = HmacSha256(key, (1).to_bytes(4)).digest(fixed)
            assert block[:length] == of(case, "KO")
            single_blocks += 1
        done += 1
    assert done == 40
    assert single_blocks >= 20


def test_hmac_sha256_rfc_4231():
    done = 0
    for _, case in cases("HMAC/rfc-4231-sha256.txt"):
        if "Key" not in case:
            continue
        key, message = of(case, "Key"), of(case, "Msg")
        assert hmac_sha256(key, message) == of(case, "MD")
        assert HmacSha256(key).digest(message) == of(case, "MD")
        assert HmacSha256(key, message[:7]).digest(message[7:]) == of(case, "MD")
        done += 1
    assert done == 6


def test_argon2id_rfc_9106():
    done = 0
    for _, case in cases("KDF/argon2id.txt"):
        if "output" not in case:
            continue
        kdf = Argon2id(
            salt=of(case, "salt"),
            length=int(case["length"]),
            iterations=int(case["iter"]),
            lanes=int(case["lanes"]),
            memory_cost=int(case["memcost"]),
            ad=bytes.fromhex(case["ad"]) if "ad" in case else None,
            secret=bytes.fromhex(case["secret"]) if "secret" in case else None,
        )
        assert kdf.derive(of(case, "pass")) == of(case, "output")
        done += 1
    assert done >= 5
