"""A token: opened by its label and a PIN, usable from any thread, and found again after it failed."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from pkcs11 import exceptions

from strongroom.base.private_file import read_private
from strongroom.crypto.mac import equal
from strongroom.hsm.errors import HsmError, KeyNotFound, PinLocked, PinRefused, TokenNotFound, TokenUnavailable
from strongroom.hsm.module import Module, load_module
from strongroom.hsm.session import LoggedIn

PIN_FILE_BYTES_MAX = 1_024

T = TypeVar("T")

_PIN_ERRORS = (
    exceptions.PinIncorrect,
    exceptions.PinInvalid,
    exceptions.PinLenRange,
    exceptions.PinLocked,
    exceptions.PinExpired,
    exceptions.UserPinNotInitialized,
)


@dataclass(frozen=True, slots=True)
class TokenLogin:
    """Which token, and what it takes to log in: the path of the vendor's module, the token's label, the user's PIN."""

    module: Path
    label: str
    pin: str = field(repr=False)


class TokenMake(NamedTuple):
    """A token's manufacturer, model and serial number."""

    manufacturer: str
    model: str
    serial: str


def read_pin(path: Path) -> str:
    """Return the first line of a PIN file. Raises OperatorError, also when others than its owner may read it."""
    first_line = read_private(path, "PIN file", PIN_FILE_BYTES_MAX).split(b"\n", 1)[0].rstrip(b"\r")
    try:
        pin = first_line.decode()
    except UnicodeDecodeError:
        raise HsmError(f"the PIN file {path} is not UTF-8 text") from None
    if not pin:
        raise HsmError(f"the PIN file {path} is empty")
    return pin


class Token:
    """A token that this process is logged in to; `open_token` gives it, `close` gives it back.

    All who open one token share one session, as the login is the whole process's anyhow: a second session that logged
    out would log out the first. Safe to use from any thread.
    """

    def __init__(self, module: Module, label: str, pin: str) -> None:
        self.label = label
        self._module = module
        self._pin = pin
        self._users = 0
        self._is_closed = False
        self._refusal: PinRefused | None = None
        self._logged_in: LoggedIn | None = None

    def __repr__(self) -> str:
        return f"Token({self.label!r})"

    def __str__(self) -> str:
        return f"the PKCS#11 token {self.label!r}"

    def use(self, work: Callable[[LoggedIn], T]) -> T:
        """Return what `work` makes of a session; after an error of the token, try again with a new session, and then
        after a restart of the module. So `work` may run three times.

        What it raises itself passes, unless it is a PKCS11Error. Raises HsmError when all is in vain.
        """
        failure: exceptions.PKCS11Error | None = None
        with self._module.lock:
            if self._is_closed:
                raise TokenUnavailable(f"{self} was closed")
            for logged_in in (self._as_it_was, self._log_in_anew, self._restart_and_log_in):
                try:
                    return work(logged_in())
                except exceptions.PKCS11Error as error:
                    failure = error
        raise self._in_words(failure)

    def make(self) -> TokenMake:
        """Return who made the token, as it says itself. Raises HsmError."""
        token = self.use(lambda logged_in: logged_in.session.token)
        return TokenMake(token.manufacturer_id, token.model, token.serial.decode("ascii", "replace"))

    def random_bytes(self, count: int) -> bytes:
        """Return random bytes that the token made. Raises HsmError."""
        return self.use(lambda logged_in: bytes(logged_in.session.generate_random(count * 8)))

    def close(self) -> None:
        """Give the token back. When nobody has it open any more, the process logs out."""
        with self._module.lock:
            self._users -= 1
            if self._users == 0:
                # Work that is still on its way must not log in again.
                self._is_closed = True
                del self._module.tokens[self.label]
                self._log_out()

    def __enter__(self) -> "Token":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def join(self, pin: str) -> None:
        """Count one more user, who has to know the PIN. Raises HsmError. For `open_token`."""
        with self._module.lock:
            known, self._pin, self._refusal = self._pin, pin, None
            try:
                if not equal(pin, known):
                    # Only the token knows which of two PINs is right: the user's PIN may have been changed meanwhile.
                    self._log_out()
                self.use(lambda _: None)
            except BaseException:
                self._pin, self._refusal = known, None
                raise
            self._users += 1
            self._module.tokens[self.label] = self

    def _as_it_was(self) -> LoggedIn:
        found = self._logged_in
        return found if found is not None and found.generation == self._module.generation else self._log_in_anew()

    def _restart_and_log_in(self) -> LoggedIn:
        self._module.restart()
        return self._log_in_anew()

    def _log_in_anew(self) -> LoggedIn:
        self._log_out()
        if self._refusal is not None:
            # After a few more wrong PINs the token would take none at all.
            raise self._refusal
        token = self._module.find(self.label)
        try:
            session = token.open(user_pin=self._pin)
        except _PIN_ERRORS as error:
            # python-pkcs11 leaves a session behind whose login failed, and only a restart closes it.
            with contextlib.suppress(exceptions.PKCS11Error):
                self._module.restart()
            kind = PinLocked if isinstance(error, exceptions.PinLocked) else PinRefused
            self._refusal = kind(f"{self} refuses the PIN: {_name(error)}")
            raise self._refusal from None
        self._logged_in = LoggedIn(session, self.label, self._module.generation)
        return self._logged_in

    def _log_out(self) -> None:
        found, self._logged_in = self._logged_in, None
        # After a restart, the old session's number may be that of another session.
        if found is not None and found.generation == self._module.generation:
            with contextlib.suppress(exceptions.PKCS11Error):
                found.session.close()

    def _in_words(self, error: exceptions.PKCS11Error | None) -> HsmError:
        if isinstance(error, exceptions.NoSuchToken):
            return TokenNotFound(f"there is no PKCS#11 token labelled {self.label!r}")
        if isinstance(error, exceptions.NoSuchKey):
            return KeyNotFound(f"{self} has no such key: {error}")
        return TokenUnavailable(f"{self} cannot be used: {_name(error)}")


def open_token(login: TokenLogin) -> Token:
    """Return the token, logged in. Whoever opens it closes it.

    Raises HsmError: ModuleUnusable, TokenNotFound, PinRefused or TokenUnavailable.
    """
    module = load_module(login.module)
    with module.lock:
        token = module.tokens.get(login.label) or Token(module, login.label, login.pin)
        token.join(login.pin)
    return token


def is_present(module: Path, label: str) -> bool:
    """Whether there is one token with this label. Raises HsmError when the module cannot be used."""
    loaded = load_module(module)
    with loaded.lock, contextlib.suppress(exceptions.PKCS11Error, TokenNotFound):
        try:
            loaded.find(label)
        except exceptions.PKCS11Error:
            loaded.restart()
            loaded.find(label)
        return True
    return False


def _name(error: Exception | None) -> str:
    return type(error).__name__
