import functools

import pytest
from Crypto.PublicKey import MLKEM
from cryptography.hazmat.primitives.serialization import load_der_private_key
from hypothesis import given
from hypothesis import strategies as st
from tests.vectors import encoded_keys

from strongroom.crypto.ml_kem import PARAMETER_SETS, MlKemPrivateKey, MlKemPublicKey, generate_ml_kem_private_key
from strongroom.crypto.ml_kem_512 import MlKem512Decapsulator, MlKem512Encapsulator

CIPHERTEXT_BYTES = {512: 768, 768: 1088, 1024: 1568}


@functools.cache
def key(parameter_set: int, which: int = 0) -> MlKemPrivateKey:
    return MlKemPrivateKey(generate_ml_kem_private_key(parameter_set))


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_what_is_encapsulated_comes_out(parameter_set):
    private, public = key(parameter_set), MlKemPublicKey(key(parameter_set).public_key)
    assert private.parameter_set == public.parameter_set == parameter_set
    seen = set()
    for sender in (private, public, public):
        secret, ciphertext = sender.encapsulate()
        assert (len(secret), len(ciphertext)) == (32, CIPHERTEXT_BYTES[parameter_set])
        assert private.decapsulate(ciphertext) == secret
        seen.add(secret)
    assert len(seen) == 3


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
@given(data=st.data())
def test_a_changed_ciphertext_gives_another_secret(parameter_set, data):
    secret, ciphertext = key(parameter_set).encapsulate()
    changed = bytearray(ciphertext)
    bit = data.draw(st.integers(0, len(changed) * 8 - 1))
    changed[bit // 8] ^= 1 << bit % 8
    other = key(parameter_set).decapsulate(bytes(changed))
    assert other != secret
    assert other == key(parameter_set).decapsulate(bytes(changed))


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_another_key_gives_another_secret(parameter_set):
    secret, ciphertext = key(parameter_set).encapsulate()
    assert key(parameter_set, 1).decapsulate(ciphertext) != secret


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_ciphertexts_of_other_lengths_are_refused(parameter_set):
    right = CIPHERTEXT_BYTES[parameter_set]
    for size in {0, right - 1, right + 1, *CIPHERTEXT_BYTES.values()} - {right}:
        with pytest.raises(ValueError):
            key(parameter_set).decapsulate(bytes(size))


@pytest.mark.parametrize("parameter_set", [0, 511, 65, 2048])
def test_only_three_parameter_sets(parameter_set):
    with pytest.raises(ValueError, match="parameter sets"):
        generate_ml_kem_private_key(parameter_set)


def test_a_key_of_512_is_taken_as_its_seed_and_in_no_other_form():
    """The library of the other two parameter sets takes the seed only."""
    whole = MLKEM.generate(param_set=MLKEM.ML_KEM_512)
    seed, expanded = encoded_keys.der(0x80, whole.seed), encoded_keys.der(0x04, whole.expanded_dk)
    both = encoded_keys.der(0x30, encoded_keys.der(0x04, whole.seed) + expanded)
    algorithm = encoded_keys.ML_KEM[512]
    assert MlKemPrivateKey(encoded_keys.pkcs8(algorithm, seed)).public_key == whole.public_key().export_key()
    for form in (expanded, both, encoded_keys.der(0x80, whole.seed[:-1]), encoded_keys.der(0x04, whole.seed)):
        with pytest.raises(ValueError):
            MlKemPrivateKey(encoded_keys.pkcs8(algorithm, form))


def test_the_two_libraries_agree():
    """Where both have a parameter set, what one encapsulates the other decapsulates."""
    for parameter_set, theirs in ((768, MLKEM.ML_KEM_768), (1024, MLKEM.ML_KEM_1024)):
        encoded = generate_ml_kem_private_key(parameter_set)
        other = MLKEM.import_key(encoded)
        assert other.param_set == theirs
        secret, ciphertext = MlKemPrivateKey(encoded).encapsulate()
        assert other._decaps(ciphertext) == secret
        secret, ciphertext = other._encaps()
        assert load_der_private_key(encoded, None).decapsulate(ciphertext) == secret


def test_nothing_secret_shows_and_halves_are_not_confused():
    encoded = generate_ml_kem_private_key(512)
    decapsulator = MlKem512Decapsulator(encoded)
    assert repr(decapsulator) == "MlKem512Decapsulator(key hidden)"
    with pytest.raises(ValueError):
        MlKem512Encapsulator(encoded)
    with pytest.raises(ValueError):
        MlKem512Decapsulator(decapsulator.public_key)
    with pytest.raises(ValueError):
        MlKem512Decapsulator(generate_ml_kem_private_key(768))
