"""PKCS#11 tokens for tests: SoftHSM2, with its tokens in a directory of the test process's own.

Where SoftHSM2 is missing, tests that want it are skipped; with CI=true in the environment they fail.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pkcs11 import Attribute, KeyType, ObjectClass

from strongroom.crypto.random import random_bytes
from strongroom.hsm import module as modules
from strongroom.hsm.token import Token, TokenLogin

PIN = "a-user-pin-for-tests"
_SO_PIN = "a-security-officer-pin"
_PATTERNS = ("lib/softhsm/libsofthsm2.so", "lib/*/softhsm/libsofthsm2.so", "lib64/pkcs11/libsofthsm2.so")


def find_module() -> Path | None:
    """Return the path of SoftHSM2's PKCS#11 module, or None."""
    if shutil.which("softhsm2-util") is None:
        return None
    found = [path for root in ("/usr", "/usr/local") for pattern in _PATTERNS for path in Path(root).glob(pattern)]
    return next(iter(found), None)


class SoftHsm:
    """SoftHSM2 with tokens in `directory`. `environment` is what another process needs to see the same tokens."""

    def __init__(self, module: Path, directory: Path) -> None:
        self.module = module
        self.directory = directory
        self.tokens = directory / "tokens"
        self.tokens.mkdir()
        configuration = directory / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {self.tokens}\nlog.level = ERROR\n")
        self.environment = {"SOFTHSM2_CONF": str(configuration)}
        self.pin_file = directory / "pin"
        self.pin_file.write_text(PIN + "\n")
        self.pin_file.chmod(0o600)

    def make_token(self, label: str) -> TokenLogin:
        """Make a token with the PIN of the tests."""
        self.run("--init-token", "--free", "--label", label, "--so-pin", _SO_PIN, "--pin", PIN)
        return TokenLogin(self.module, label, PIN)

    def run(self, *arguments: str) -> None:
        """Run softhsm2-util."""
        command = ["softhsm2-util", *arguments]
        done = subprocess.run(command, env=os.environ | self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def options(self, label: str, prefix: str = "--root-key-pkcs11") -> tuple[str, ...]:
        """Return the options that name a token to Strongroom's commands."""
        named = {"module": self.module, "token": label, "pin-file": self.pin_file}
        return tuple(word for name, value in named.items() for word in (f"{prefix}-{name}", str(value)))


def made_softhsm(directory: Path) -> SoftHsm:
    """Return a SoftHSM2 without tokens; skips, or fails in CI, where it is not installed."""
    module = find_module()
    if module is None:
        message = "SoftHSM2 is not installed (apt-get install softhsm2)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return SoftHsm(module, directory)


def put_key(token: Token, value: bytes, **changed: bool) -> bytes:
    """Put a key of known value into the token, as a key ceremony would, and return its id."""
    key_id = random_bytes(16)
    template = {
        Attribute.CLASS: ObjectClass.SECRET_KEY,
        Attribute.KEY_TYPE: KeyType.AES,
        Attribute.VALUE: value,
        Attribute.ID: key_id,
        Attribute.TOKEN: True,
        Attribute.PRIVATE: True,
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.ENCRYPT: True,
        Attribute.DECRYPT: True,
    }
    template |= {Attribute[name]: value for name, value in changed.items()}
    with token.use(lambda logged_in: logged_in.session.token.open(rw=True)) as writing:
        writing.create_object(template)
    return key_id


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    """The SoftHSM2 of this test process. Its module reads the environment when it is first used, and each restart."""
    made = made_softhsm(tmp_path_factory.mktemp("softhsm"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in made.environment.items():
            patch.setenv(name, value)
        # Tests make tokens, and lose them, more often than once a second.
        patch.setattr(modules, "RESTART_SECONDS_MIN", 0.0)
        yield made


@pytest.fixture(scope="session")
def token_login(softhsm: SoftHsm) -> TokenLogin:
    """A token that the tests of one process share: they make keys of their own, and leave the rest alone."""
    return softhsm.make_token("shared")
