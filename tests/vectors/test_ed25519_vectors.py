"""Ed25519 and Ed25519ph against RFC 8032's, its authors' and Wycheproof's vectors, through our key classes."""

import hashlib

import pytest
from tests.vectors import encoded_keys
from tests.vectors.published import lines, wycheproof

from strongroom.crypto.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from strongroom.crypto.signature import InvalidSignature


def test_signatures_hold_and_fail_as_wycheproof_says():
    """What Wycheproof calls acceptable is about public keys that no private key makes; either answer will do."""
    verdicts = []
    for group, test in wycheproof("Signature/ed25519"):
        try:
            Ed25519PublicKey(bytes.fromhex(group["publicKeyDer"])).verify(
                bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"])
            )
            held = True
        except InvalidSignature:
            held = False
        if test["result"] != "acceptable":
            assert held == (test["result"] == "valid"), test["tcId"]
            verdicts.append(held)
    assert verdicts.count(True) >= 110
    assert verdicts.count(False) >= 60


def test_signs_as_the_authors_of_ed25519_do():
    """Every fourth of the 1,024 lines; line n signs n bytes."""
    done = 0
    for line in lines("asymmetric/Ed25519/sign.input")[::4]:
        secret, public, message, signed = (bytes.fromhex(part) for part in line.split(":")[:4])
        key = Ed25519PrivateKey(encoded_keys.pkcs8(encoded_keys.ED25519, encoded_keys.der(0x04, secret[:32])))
        assert key.public_key == encoded_keys.spki(encoded_keys.ED25519, public)
        assert key.sign(message) == signed[:64]
        key.verify(signed[:64], message)
        done += 1
    assert done == 256


def test_ed25519ph_signs_as_rfc_8032_does():
    """RFC 8032, section 7.3: the message is "abc"."""
    secret = bytes.fromhex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42")
    public = bytes.fromhex("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf")
    signature = bytes.fromhex(
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
        "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
    )
    digest = hashlib.sha512(b"abc").digest()
    key = Ed25519PrivateKey(encoded_keys.pkcs8(encoded_keys.ED25519, encoded_keys.der(0x04, secret)))
    assert key.public_key == encoded_keys.spki(encoded_keys.ED25519, public)
    assert key.sign_prehashed(digest) == signature
    key.verify_prehashed(signature, digest)
    with pytest.raises(InvalidSignature):
        key.verify(signature, digest)
    with pytest.raises(InvalidSignature):
        key.verify(signature, b"abc")
