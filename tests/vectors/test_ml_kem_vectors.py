"""ML-KEM against NIST's and Wycheproof's vectors, through our key classes.

Encapsulation draws its randomness itself, so that vectors cannot fix it: `test_ml_kem.py` has it agree with what is
tested here.
"""

import functools

import pytest
from tests.vectors import encoded_keys
from tests.vectors.published import counted, of, pem, wycheproof

from strongroom.crypto.ml_kem import PARAMETER_SETS, MlKemPrivateKey, MlKemPublicKey


@functools.cache
def private_key(parameter_set: int, seed: bytes) -> MlKemPrivateKey:
    return MlKemPrivateKey(encoded_keys.seed_pkcs8(encoded_keys.ML_KEM[parameter_set], seed))


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_keys_and_secrets_are_those_of_the_known_answers(parameter_set):
    """Every fifth of the 1,000. `ct_n` is no ciphertext of the key: the secret for it is a pseudorandom one."""
    done = 0
    for case in list(counted(f"asymmetric/MLKEM/kat_MLKEM_{parameter_set}.rsp"))[::5]:
        key = private_key(parameter_set, of(case, "d") + of(case, "z"))
        assert key.public_key == encoded_keys.spki(encoded_keys.ML_KEM[parameter_set], of(case, "pk"))
        assert key.decapsulate(of(case, "ct")) == of(case, "ss")
        assert key.decapsulate(of(case, "ct_n")) == of(case, "ss_n")
        done += 1
    assert done == 200


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_decapsulates_and_refuses_as_wycheproof_says(parameter_set):
    opened = refused = 0
    for _, test in wycheproof(f"Protocol/mlkem_{parameter_set}"):
        try:
            secret = private_key(parameter_set, bytes.fromhex(test["seed"])).decapsulate(bytes.fromhex(test["c"]))
        except ValueError:
            assert test["result"] == "invalid", test["tcId"]
            refused += 1
            continue
        assert test["result"] == "valid", test["tcId"]
        assert secret.hex() == test["K"], test["tcId"]
        opened += 1
    assert opened >= 150
    assert refused >= 30


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_makes_the_keys_of_seeds_that_wycheproof_does(parameter_set):
    done = 0
    for _, test in wycheproof(f"Protocol/mlkem_{parameter_set}_keygen_seed"):
        key = private_key(parameter_set, bytes.fromhex(test["seed"]))
        expected = encoded_keys.spki(encoded_keys.ML_KEM[parameter_set], bytes.fromhex(test["ek"]))
        assert key.public_key == expected, test["tcId"]
        done += 1
    assert done >= 90


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_takes_and_refuses_public_keys_as_wycheproof_says(parameter_set):
    taken = refused = 0
    for _, test in wycheproof(f"Protocol/mlkem_{parameter_set}_encaps"):
        encoded = encoded_keys.spki(encoded_keys.ML_KEM[parameter_set], bytes.fromhex(test["ek"]))
        if test["result"] == "valid":
            secret, ciphertext = MlKemPublicKey(encoded).encapsulate()
            assert (len(secret), len(ciphertext)) == (32, len(test["c"]) // 2)
            taken += 1
        else:
            with pytest.raises(ValueError):
                MlKemPublicKey(encoded)
            refused += 1
    assert taken >= 90
    assert refused >= 90


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_takes_the_seeds_of_rfc_9935_and_no_other_form(parameter_set):
    name = f"PublicKey/MLKEM/rfc9935_ml_kem_{parameter_set}"
    public = pem(f"{name}_public.pem")
    assert MlKemPrivateKey(pem(f"{name}_seed.pem")).public_key == MlKemPublicKey(public).public_key == public
    for form in ("expanded", "both"):
        with pytest.raises(ValueError):
            MlKemPrivateKey(pem(f"{name}_{form}.pem"))
