"""What goes wrong between an application and its keys. Calls to KMS raise botocore's own errors beside these."""

from typing import NamedTuple


class EnvelopeError(Exception):
    """The base of these errors. None of them says anything of keys or plaintext."""


class Refusal(NamedTuple):
    """Why one encrypted data key of a message could not be opened: KMS's error code, or our own words."""

    key_arn: str
    reason: str


class NoUsableKey(EnvelopeError):  # noqa: N818 (it says what happened)
    """No encrypted data key of the message may be decrypted here. `refusals` says why, one for each that was tried."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        told = "; ".join(f"{key_arn}: {reason}" for key_arn, reason in refusals)
        super().__init__(f"no key opens the message: {told or 'it is for none of the keys that may be used'}")
        self.refusals = refusals

    def __reduce__(self) -> tuple[type["NoUsableKey"], tuple[tuple[Refusal, ...]]]:
        return NoUsableKey, (self.refusals,)


class UnexpectedContext(EnvelopeError):  # noqa: N818
    """The message is authentic, and its encryption context lacks a pair that was required of it."""


class UnexpectedAnswer(EnvelopeError):  # noqa: N818
    """KMS answered with something else than what was asked for: another key, or a data key of another length."""


class Closed(EnvelopeError):  # noqa: N818
    """The client has been closed; it has no keys any more."""

    def __init__(self) -> None:
        super().__init__("the client is closed")

    def __reduce__(self) -> tuple[type["Closed"], tuple[()]]:
        return Closed, ()
