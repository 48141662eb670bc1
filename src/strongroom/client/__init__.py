"""Encryption on the client's side: plaintext never meets a server. Stands alone, and works against AWS as well."""

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
