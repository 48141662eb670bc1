"""Which bytes of an object a Range header asks for. Source: RFC 9110, section 14; what S3 does with it."""

import re
from typing import NamedTuple

from strongroom.services.s3 import errors

_RANGE = re.compile(r"bytes\s*=\s*(?:(\d{1,19})\s*-\s*(\d{0,19})|-\s*(\d{1,19}))\s*")


class ByteRange(NamedTuple):
    """The bytes `first` to `last` of an object of `size` bytes; none when `last` is before `first`."""

    first: int
    last: int
    size: int
    is_partial: bool

    @property
    def length(self) -> int:
        """How many bytes there are."""
        return self.last - self.first + 1

    @property
    def header(self) -> str:
        """The Content-Range header of an answer."""
        return f"bytes {self.first}-{self.last}/{self.size}"


def asked_range(header: str | None, size: int) -> ByteRange:
    """Return what a Range header asks for: all, where there is none or it is none that S3 understands.

    Raises InvalidRange when none of the bytes is there.
    """
    found = _RANGE.fullmatch(header) if header is not None else None
    if header is None or found is None:
        return ByteRange(0, size - 1, size, is_partial=False)
    first, last, suffix = found.groups()
    if suffix is not None:
        begin, end = max(0, size - int(suffix)), size - 1
        is_there = int(suffix) > 0 and size > 0
    else:
        begin, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < begin:
            return ByteRange(0, size - 1, size, is_partial=False)
        is_there = begin < size
    if not is_there:
        raise errors.invalid_range(header, size)
    return ByteRange(begin, end, size, is_partial=True)
