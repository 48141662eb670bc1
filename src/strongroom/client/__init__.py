"""Encryption on the client's side: plaintext never meets a server. Stands alone, and works against AWS as well."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strongroom.client.async_envelope_client import AsyncEnvelopeClient
    from strongroom.client.backoff import Backoff
    from strongroom.client.data_key_cache import CacheLimits
    from strongroom.client.envelope import Decrypted
    from strongroom.client.envelope_client import EnvelopeClient
    from strongroom.client.errors import (
        Closed,
        EnvelopeError,
        NoUsableKey,
        Refusal,
        UnexpectedAnswer,
        UnexpectedContext,
    )
    from strongroom.client.kms_calls import KmsCalls
    from strongroom.client.kms_keys import Discovery, KmsKeys
    from strongroom.client.messages.algorithm_suites import COMMITTING, COMMITTING_SIGNED
    from strongroom.client.messages.errors import LimitExceeded, MessageError, NotAuthentic, UnknownFormat
    from strongroom.client.messages.header_reader import ReadingRules

__all__ = [
    "COMMITTING",
    "COMMITTING_SIGNED",
    "AsyncEnvelopeClient",
    "Backoff",
    "CacheLimits",
    "Closed",
    "Decrypted",
    "Discovery",
    "EnvelopeClient",
    "EnvelopeError",
    "KmsCalls",
    "KmsKeys",
    "LimitExceeded",
    "MessageError",
    "NoUsableKey",
    "NotAuthentic",
    "ReadingRules",
    "Refusal",
    "UnexpectedAnswer",
    "UnexpectedContext",
    "UnknownFormat",
]

_MODULES = {
    "AsyncEnvelopeClient": "async_envelope_client",
    "Backoff": "backoff",
    "COMMITTING": "messages.algorithm_suites",
    "COMMITTING_SIGNED": "messages.algorithm_suites",
    "CacheLimits": "data_key_cache",
    "Closed": "errors",
    "Decrypted": "envelope",
    "Discovery": "kms_keys",
    "EnvelopeClient": "envelope_client",
    "EnvelopeError": "errors",
    "KmsCalls": "kms_calls",
    "KmsKeys": "kms_keys",
    "LimitExceeded": "messages.errors",
    "MessageError": "messages.errors",
    "NoUsableKey": "errors",
    "NotAuthentic": "messages.errors",
    "ReadingRules": "messages.header_reader",
    "Refusal": "errors",
    "UnexpectedAnswer": "errors",
    "UnexpectedContext": "errors",
    "UnknownFormat": "messages.errors",
}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: a command that encrypts one file starts without an event loop."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found
