import pytest

from strongroom.base.errors import OperatorError
from strongroom.crypto.passphrase import Argon2idParameters
from strongroom.envelope.keyring import Keyring
from strongroom.envelope.root import PassphraseRoot

PASSPHRASE = "correct horse battery staple"
CHEAP = Argon2idParameters(b"0123456789abcdef", memory_kib=19 * 1024, iterations=2, lanes=1)


def test_a_wrong_passphrase_says_so_and_shows_nothing_of_itself():
    keyring = Keyring.create(PassphraseRoot(PASSPHRASE, CHEAP), now=0)
    wrong = PassphraseRoot.load("the password of my bank", str(CHEAP))
    with pytest.raises(OperatorError) as refusal:
        Keyring.load(keyring.rows(), wrong)
    assert str(refusal.value) == (
        "storage key 1 of the keyring does not open: the passphrase is wrong, or the keyring was altered"
    )
    # The fingerprint depends on the public parameters alone, so a log that shows it lets nobody check guesses.
    assert wrong.fingerprint == PassphraseRoot(PASSPHRASE, CHEAP).fingerprint


def test_the_parameters_travel_in_the_rows():
    keyring = Keyring.create(PassphraseRoot(PASSPHRASE, CHEAP), now=0)
    rows = keyring.rows()
    assert rows[0].root_parameters == str(CHEAP)
    assert Keyring.load(rows, PassphraseRoot.load(PASSPHRASE, rows[0].root_parameters)).numbers == (1,)


@pytest.mark.parametrize(
    "text",
    ["", "$argon2id$v=19$m=1073741824,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg", "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4"],
)
def test_unusable_parameters_are_the_operators_to_mend(text):
    with pytest.raises(OperatorError, match="recorded parameters cannot be used"):
        PassphraseRoot.load(PASSPHRASE, text)


@pytest.mark.parametrize("short", ["", "eleven char"])
def test_a_new_passphrase_is_not_short(short):
    with pytest.raises(OperatorError, match="at least 12 characters"):
        PassphraseRoot.create(short)


@pytest.mark.parametrize("unfit", ["", "x" * 5000, "\ud800" * 20])
def test_an_unfit_passphrase(unfit):
    with pytest.raises(OperatorError, match="passphrase cannot be used"):
        PassphraseRoot(unfit, CHEAP)


def test_nothing_secret_shows():
    root = PassphraseRoot(PASSPHRASE, CHEAP)
    assert repr(root) == f"PassphraseRoot({root.fingerprint})"
    assert PASSPHRASE not in root.public_parameters
