"""PKCS#11 modules: the vendors' shared libraries, each loaded and started once a process."""

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pkcs11
from pkcs11.exceptions import MultipleTokensReturned, PKCS11Error

from strongroom.hsm.errors import ModuleUnusable, TokenNotFound

if TYPE_CHECKING:
    from strongroom.hsm.token import Token

RESTART_SECONDS_MIN = 1.0


class Module:
    """A loaded module. Hold `lock` during every call into it.

    python-pkcs11 starts modules as for a single thread (C_Initialize without locking) and lets other threads run while
    a call lasts. So the lock is what makes a module safe; its calls take some ten microseconds.

    `generation` counts the starts: sessions and key handles of an earlier one mean nothing, or another object.
    `tokens` are the open tokens by label.
    """

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self.generation = 0
        self.tokens: dict[str, Token] = {}
        self._path = path
        self._restarted_at = float("-inf")
        try:
            self._library = pkcs11.lib(str(path))
        except PKCS11Error as error:
            raise ModuleUnusable(
                f"the PKCS#11 module {path} cannot be used: {str(error) or type(error).__name__}"
            ) from None

    def find(self, label: str) -> pkcs11.Token:
        """Return the token with this label. Raises NoSuchToken, other PKCS11Error, or TokenNotFound for several."""
        try:
            return self._library.get_token(token_label=label)
        except MultipleTokensReturned:
            raise TokenNotFound(f"{self._path} has several PKCS#11 tokens labelled {label!r}") from None

    def restart(self) -> None:
        """Start the module anew, which is how it finds new tokens and gets over lost ones. Raises PKCS11Error.

        It ends the sessions of all its tokens, which log in again when they are next used; so a token that fails
        for long must not do it all the time: restarts are at least `RESTART_SECONDS_MIN` apart.
        """
        now = time.monotonic()
        if now - self._restarted_at >= RESTART_SECONDS_MIN:
            self._restarted_at = now
            self.generation += 1
            self._library.reinitialize()


_modules: dict[Path, Module] = {}
_loading = threading.Lock()


def load_module(path: Path) -> Module:
    """Return the module at `path`, the same object each time. Raises ModuleUnusable."""
    try:
        real_path = path.resolve(strict=True)
    except OSError as error:
        raise ModuleUnusable(f"there is no PKCS#11 module {path}: {error.strerror}") from None
    with _loading:
        module = _modules.get(real_path)
        if module is None:
            module = _modules[real_path] = Module(real_path)
        return module
