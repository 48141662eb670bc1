"""What is wrong with a message. None of these says anything of keys or plaintext."""


class MessageError(Exception):
    """A message cannot be read, or not be written as asked."""


class UnknownFormat(MessageError):  # noqa: N818 (it says what happened)
    """These bytes are no message, or one of a kind that is not known here."""


class NotAuthentic(MessageError):  # noqa: N818
    """The message is not what was written under this data key: altered, cut off, or followed by something."""


class LimitExceeded(MessageError):  # noqa: N818
    """The message asks for more memory or more data keys than its reader allows."""
