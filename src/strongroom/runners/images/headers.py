"""Headers of archives from anywhere: what they cost to read is bounded, whatever they say.

Of the records of a pax header those are read that are told of every file; others, as extended attributes, are passed
over. Sparse files are refused: their maps have no end.

Source: POSIX.1-2017, pax, "pax Header Block" and "pax Extended Header"; GNU tar, "Storing Sparse Files".
"""

import tarfile
from collections.abc import Iterator
from typing import Any

UNREADABLE = (tarfile.TarError, EOFError, UnicodeError, ValueError, OverflowError, RecursionError)
"""What reading an archive raises that is damaged, or made to do damage; beside OSError."""

_BYTES_MAX = 1024 * 1024
_VALUE_BYTES_MAX = 32 * 1024
_LENGTH_DIGITS_MAX = 7
_PAX = frozenset({tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE})
_LONG = frozenset({tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK})
_SPARSE = "GNU.sparse."


class BoundedHeader(tarfile.TarInfo):
    """A header of an archive. One that says that more of it follows than fits a path or two is refused, unread."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "BoundedHeader":
        """Return the header that some bytes are. Raises tarfile.HeaderError."""
        header = super().frombuf(buf, encoding, errors)
        most = _BYTES_MAX if header.type in _PAX else _VALUE_BYTES_MAX
        if header.type in _PAX | _LONG and not 0 <= header.size <= most:
            raise tarfile.HeaderError("a header is too long")
        return header

    def _proc_sparse(self, archive: Any) -> Any:
        raise tarfile.HeaderError("a file is sparse")

    def _proc_pax(self, archive: Any) -> Any:
        """Read what a pax header says, and the header behind it. It takes the place of tarfile's own.

        That one looks for records by expressions that take a time that grows with the square of the header's length.
        """
        own: Any = self
        told = _records(archive.fileobj.read(own._block(self.size))[: self.size])
        if self.type == tarfile.XGLTYPE:
            archive.pax_headers.update(told)
        try:
            behind: Any = self.fromtarfile(archive)
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from None
        if self.type != tarfile.XGLTYPE:
            behind._apply_pax_info({**archive.pax_headers, **told}, archive.encoding, archive.errors)
            behind.offset = self.offset
            if "size" in told:
                is_content = behind.isreg() or behind.type not in tarfile.SUPPORTED_TYPES
                archive.offset = behind.offset_data + (behind._block(behind.size) if is_content else 0)
        return behind


def members_of(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Return what is in an archive that is read from its beginning to its end. Of what is behind, nothing is kept."""
    kept: Any = archive
    for member in archive:
        kept.members.clear()
        yield member


def _records(content: bytes) -> dict[str, str]:
    """Return what the records of a pax header say of a file. Raises tarfile.HeaderError."""
    found = {}
    at = 0
    while at < len(content) and content[at]:
        digits = content[at : at + _LENGTH_DIGITS_MAX + 1].partition(b" ")[0]
        length = int(digits) if digits.isdigit() and len(digits) <= _LENGTH_DIGITS_MAX else 0
        end = at + length
        if not len(digits) < length <= len(content) - at or content[end - 1] != ord("\n"):
            raise tarfile.HeaderError("a header is damaged")
        name, is_one, value = content[at + len(digits) + 1 : end - 1].partition(b"=")
        keyword = name[:100].decode(errors="replace")
        if not is_one or keyword.startswith(_SPARSE):
            raise tarfile.HeaderError("a header is damaged, or a file is sparse")
        if keyword in tarfile.PAX_FIELDS:
            found[keyword] = _value(keyword, value)
        at = end
    return found


def _value(keyword: str, value: bytes) -> str:
    if len(value) > _VALUE_BYTES_MAX or (keyword == "size" and not value.isdigit()):
        raise tarfile.HeaderError("a header is too long, or damaged")
    # A name that is no UTF-8 is told as it is, as file systems tell it.
    return value.decode(errors="surrogateescape")
