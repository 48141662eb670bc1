"""The proxy's keys in a PKCS#11 token: an external key id is the label of a key, which only one key may have."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from strongroom.base.errors import AwsError
from strongroom.hsm.errors import HsmError, KeyNotFound, KeyUnusable, TokenBusy, TokenTimedOut
from strongroom.hsm.key import IV_BYTES, TokenKey, find_key
from strongroom.hsm.token import Token, TokenLogin, open_token
from strongroom.hsm.worker import TokenWorker
from strongroom.server.logs import logger
from strongroom.server.xks_proxy.external_key import IN_TOKEN, ExternalKey
from strongroom.server.xks_proxy.key_manager import KeyManager
from strongroom.server.xks_proxy.requests import refusal

_NAMES: dict[type[HsmError], str] = {
    KeyNotFound: "KeyNotFoundException",
    KeyUnusable: "InvalidStateException",
    TokenBusy: "ThrottlingException",
    TokenTimedOut: "DependencyTimeoutException",
}

HOUSE_KEY_LABEL = "strongroom xks proxy"

T = TypeVar("T")


def open_token_keys(login: TokenLogin, key_ids: Iterable[str], *, make: bool) -> KeyManager:
    """Return the keys of a token, each tried out. `make` makes missing ones; the house key is made at first start.

    Raises HsmError.
    """
    token, worker = open_token(login), TokenWorker()

    async def run(work: Callable[[], T]) -> T:
        try:
            return await worker.run(work)
        except HsmError as error:
            raise _refusal(error) from None

    def close() -> None:
        worker.close()
        token.close()

    try:
        made_by = token.make()
        ciphers = {key_id: _open(token, key_id, make=make) for key_id in key_ids}
        return KeyManager(
            keys={
                key_id: ExternalKey(cipher, IN_TOKEN, IV_BYTES, cipher.must_exist) for key_id, cipher in ciphers.items()
            },
            house_key=_open(token, HOUSE_KEY_LABEL, make=True),
            vendor=made_by.manufacturer,
            model=made_by.model,
            id=made_by.serial,
            run=run,
            close=close,
        )
    except BaseException:
        close()
        raise


class TokenCipher:
    """A key of a token, whose failures are AwsErrors of the proxy API."""

    __slots__ = ("_key",)

    def __init__(self, key: TokenKey) -> None:
        self._key = key

    def encrypt(self, plaintext: bytes, aad: bytes) -> bytes:
        """Return the plaintext sealed."""
        return _in_words_of_the_api(lambda: self._key.encrypt(plaintext, aad))

    def decrypt(self, blob: bytes, aad: bytes) -> bytes:
        """Return the plaintext. Raises AuthenticationFailed."""
        return _in_words_of_the_api(lambda: self._key.decrypt(blob, aad))

    def must_exist(self) -> None:
        """Look whether the token has the key, now."""
        _in_words_of_the_api(self._key.look_up)


def _open(token: Token, label: str, *, make: bool) -> TokenCipher:
    key = TokenKey(token, find_key(token, label, make=make))
    key.check()
    return TokenCipher(key)


def _in_words_of_the_api(work: Callable[[], T]) -> T:
    try:
        return work()
    except HsmError as error:
        logger.error("token failed", reason=str(error))
        raise _refusal(error) from None


def _refusal(error: HsmError) -> AwsError:
    return refusal(next((name for kind, name in _NAMES.items() if isinstance(error, kind)), "InternalException"))
