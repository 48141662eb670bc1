"""Who keeps the proxy's keys, and one key more: the house key.

The house key is the proxy's own. It seals the proxy's certificate authority, and health checks use it, so that nobody
finds uses of a key that KMS did not ask for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from strongroom.base.errors import OperatorError
from strongroom.base.xks_proxy_configuration import XksProxyConfiguration
from strongroom.crypto.mac import equal
from strongroom.crypto.random import random_bytes
from strongroom.server.xks_proxy.external_key import Cipher, ExternalKey
from strongroom.services.kms.key_stores.xks_protocol import is_key_id

_PROBE_BYTES = 16
_PROBE_AAD = b"strongroom xks proxy: health check"


T = TypeVar("T")


class Runner(Protocol):
    """How work with keys is run: where using one waits for a device, not in the event loop's thread."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """Return what `work` returns. Raises AwsError in the words of the proxy API."""


async def at_once(work: Callable[[], T]) -> T:
    """Do the work."""
    return work()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyManager:
    """The keys by external key id, how work with them is run, and what the API tells of who keeps them."""

    keys: Mapping[str, ExternalKey] = field(repr=False)
    house_key: Cipher = field(repr=False)
    vendor: str
    model: str
    id: str
    run: Runner = at_once
    close: Callable[[], None] = lambda: None

    def check(self) -> None:
        """Encrypt and decrypt something with the house key. Raises OperatorError when that fails."""
        probe = random_bytes(_PROBE_BYTES)
        if not equal(self.house_key.decrypt(self.house_key.encrypt(probe, _PROBE_AAD), _PROBE_AAD), probe):
            raise OperatorError("the house key does not open what it sealed")


def open_key_manager(configuration: XksProxyConfiguration) -> KeyManager:
    """Return the keeper of the keys that the configuration names. Raises OperatorError, also for a missing key."""
    key_ids, make = configuration.xks_key_ids, configuration.xks_make_keys
    for key_id in key_ids:
        if not is_key_id(key_id):
            raise OperatorError(f"{key_id!r} is no external key id: it has 1 to 128 letters, digits and '-_.'")
    module, label, pin_file = (
        configuration.xks_pkcs11_module,
        configuration.xks_pkcs11_token,
        configuration.xks_pkcs11_pin_file,
    )
    if module is not None and label is not None and pin_file is not None:
        from strongroom.hsm.token import TokenLogin, read_pin
        from strongroom.server.xks_proxy.token_keys import open_token_keys

        return open_token_keys(TokenLogin(module, label, read_pin(pin_file)), key_ids, make=make)
    from strongroom.server.xks_proxy.key_files import open_key_files

    return open_key_files(configuration.xks_directory, key_ids, make=make)
