"""Policy documents as IAM takes and gives them. Sources: IAM API Reference; RFC 3986, section 2.1."""

from urllib.parse import quote

_WHITESPACE = str.maketrans("", "", " \t\r\n")


def encoded(text: str) -> str:
    """Return a policy document as answers carry it: percent-encoded."""
    return quote(text, safe="")


def counted_characters(text: str) -> int:
    """Return the characters of a document that count against its quota: all but white space.

    Source: IAM User Guide, "IAM and AWS STS quotas".
    """
    return len(text.translate(_WHITESPACE))
