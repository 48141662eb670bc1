"""What can be wrong with a token and its keys. No message holds a PIN, or tells what a token said of one."""

from strongroom.base.errors import OperatorError


class HsmError(OperatorError):
    """A module, a token or a key in it cannot be used, and the operator has to see to it."""


class ModuleUnusable(HsmError):  # noqa: N818 (these say what happened)
    """The shared library is missing, or it is no PKCS#11 module."""


class TokenNotFound(HsmError):  # noqa: N818
    """No token has the label, or more than one has."""


class PinRefused(HsmError):  # noqa: N818
    """The token does not take the PIN."""


class PinLocked(PinRefused):
    """The token takes no PIN any more, after too many wrong ones."""


class TokenUnavailable(HsmError):  # noqa: N818
    """The token is there no more, or fails, even after the module was started anew."""


class KeyNotFound(HsmError):  # noqa: N818
    """The token has no such key."""


class KeyUnusable(HsmError):  # noqa: N818
    """The token has such a key, unfit for use: it could leave the token, or does not encrypt as it should."""


class TokenBusy(HsmError):  # noqa: N818
    """So much waits for tokens that more would only make it worse."""


class TokenTimedOut(HsmError):  # noqa: N818
    """A token did not answer in time."""
