"""HMAC, AES key wrap and AES-GCM against NIST's, the RFCs' and Wycheproof's vectors, through what `crypto` offers."""

import pytest
from tests.vectors.published import cases, of, wycheproof

from strongroom.crypto import aead
from strongroom.crypto.aead import AuthenticationFailed, decrypt_once, encrypt_once
from strongroom.crypto.key_wrap import aes_key_unwrap_with_padding
from strongroom.crypto.mac import Hmac, InvalidMac


@pytest.mark.parametrize("hash_name", ["sha224", "sha256", "sha384", "sha512"])
def test_hmac_rfc_4231(hash_name):
    done = 0
    for _, case in cases(f"HMAC/rfc-4231-{hash_name}.txt"):
        if "Key" not in case:
            continue
        keyed = Hmac(of(case, "Key"), hash_name)
        expected = of(case, "MD")
        assert keyed.digest(of(case, "Msg")) == expected
        keyed.verify(expected, of(case, "Msg"))
        with pytest.raises(InvalidMac):
            keyed.verify(expected[:16], of(case, "Msg"))
        done += 1
    assert done == 6


@pytest.mark.parametrize("bits", [128, 192, 256])
def test_key_unwrap_with_padding_opens_and_refuses_as_nist_says(bits):
    opened = refused = 0
    for _, case in cases(f"keywrap/kwtestvectors/KWP_AD_{bits}.txt"):
        if "C" not in case:
            continue
        if "FAIL" in case:
            with pytest.raises(AuthenticationFailed):
                aes_key_unwrap_with_padding(of(case, "K"), of(case, "C"))
            refused += 1
        else:
            assert aes_key_unwrap_with_padding(of(case, "K"), of(case, "C")) == of(case, "P")
            opened += 1
    assert opened + refused == 500
    assert min(opened, refused) >= 50


def test_key_unwrap_with_padding_opens_and_refuses_as_wycheproof_says():
    opened = refused = 0
    for _, test in wycheproof("Cipher/aes_kwp"):
        key, wrapped = bytes.fromhex(test["key"]), bytes.fromhex(test["ct"])
        if test["result"] == "valid":
            assert aes_key_unwrap_with_padding(key, wrapped).hex() == test["msg"], test["tcId"]
            opened += 1
        else:
            with pytest.raises(AuthenticationFailed):
                aes_key_unwrap_with_padding(key, wrapped)
            refused += 1
    assert opened >= 70
    assert refused >= 170


def test_aes_256_gcm_as_wycheproof_says(monkeypatch):
    """`encrypt_once` has one constant nonce, in whose place stands that of the vector."""
    opened = refused = 0
    for group, test in wycheproof("Cipher/aes_gcm"):
        if (group["keySize"], group["ivSize"], group["tagSize"]) != (256, 96, 128):
            continue
        key, aad, message = (bytes.fromhex(test[name]) for name in ("key", "aad", "msg"))
        sealed = bytes.fromhex(test["ct"] + test["tag"])
        monkeypatch.setattr(aead, "_NONCE", bytes.fromhex(test["iv"]))
        if test["result"] == "valid":
            assert encrypt_once(key, message, aad) == sealed, test["tcId"]
            assert decrypt_once(key, sealed, aad) == message, test["tcId"]
            opened += 1
        else:
            with pytest.raises(AuthenticationFailed):
                decrypt_once(key, sealed, aad)
            refused += 1
    assert opened + refused == 66
    assert refused >= 20
