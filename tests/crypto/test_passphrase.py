import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto import passphrase
from strongroom.crypto.passphrase import Argon2idParameters, derive_key

CHEAP = Argon2idParameters(b"0123456789abcdef", memory_kib=passphrase.MEMORY_KIB_MIN, iterations=2, lanes=1)


def test_the_defaults_are_the_second_recommendation_of_rfc_9106():
    parameters = Argon2idParameters.new()
    assert (parameters.memory_kib, parameters.iterations, parameters.lanes) == (64 * 1024, 3, 4)
    assert len(parameters.salt) == 16
    assert parameters.salt != Argon2idParameters.new().salt


def test_the_key_is_argon2id():
    library = Argon2id(salt=CHEAP.salt, length=32, iterations=2, lanes=1, memory_cost=19 * 1024)
    assert derive_key("correct horse", CHEAP) == library.derive(b"correct horse")
    assert derive_key("correct horsf", CHEAP) != derive_key("correct horse", CHEAP)


def test_the_same_characters_give_the_same_key():
    assert derive_key("caf\u00e9", CHEAP) == derive_key("cafe\u0301", CHEAP)


@pytest.mark.parametrize("bad", ["", "\ud800", "x" * (passphrase.PASSPHRASE_BYTES_MAX + 1)])
def test_unfit_passphrases(bad):
    with pytest.raises(ValueError, match="a passphrase"):
        derive_key(bad, CHEAP)


@given(
    salt=st.binary(min_size=16, max_size=64),
    memory=st.integers(passphrase.WORK_KIB_MIN, passphrase.MEMORY_KIB_MAX),
    iterations=st.integers(1, passphrase.ITERATIONS_MAX),
    lanes=st.integers(1, passphrase.LANES_MAX),
)
def test_parameters_come_back(salt, memory, iterations, lanes):
    parameters = Argon2idParameters(salt, memory, iterations, lanes)
    assert Argon2idParameters.parse(str(parameters)) == parameters


SALT = "MDEyMzQ1Njc4OWFiY2RlZg"


@pytest.mark.parametrize(
    "text",
    [
        f"$argon2id$v=19$m=1073741824,t=3,p=4${SALT}",  # 1 TiB of memory.
        f"$argon2id$v=19$m=9999999999999999999,t=3,p=4${SALT}",
        f"$argon2id$v=19$m=65536,t=99999,p=4${SALT}",
        f"$argon2id$v=19$m=65536,t=3,p=17${SALT}",
        f"$argon2id$v=19$m=8,t=1,p=1${SALT}",  # So cheap that guesses would be too.
        f"$argon2id$v=19$m=19456,t=1,p=1${SALT}",
        f"$argon2id$v=19$m=65536,t=0,p=4${SALT}",
        f"$argon2id$v=19$m=065536,t=3,p=4${SALT}",
        f"$argon2id$v=19$m=65536,t=3,p=4${SALT}==",
        f"$argon2id$v=19$m=65536,t=3,p=4${SALT[:-1]}h",  # The same salt, written another way.
        f"$argon2id$v=19$m=65536,t=3,p=4${SALT}$aGFzaA",
        f"$argon2id$v=19$m=65536,t=3,p=4${SALT}\n",
        "$argon2id$v=19$m=65536,t=3,p=4$c2hvcnQ",
        "$argon2id$v=19$m=65536,t=3,p=4$",
        "$argon2id$v=19$m=65536,t=3,p=4$A",
        f"$argon2id$v=16$m=65536,t=3,p=4${SALT}",
        f"$argon2i$v=19$m=65536,t=3,p=4${SALT}",
        f"$argon2id$v=19$m=６5536,t=3,p=4${SALT}",
        "$argon2id$v=19$m=65536,t=3,p=4$" + "A" * 5000,
        "",
    ],
)
def test_parameters_out_of_bounds_or_shape_are_refused(text):
    with pytest.raises(ValueError, match="Argon2id"):
        Argon2idParameters.parse(text)
