"""A browser's upload by a form: fields first, then the file, whose bytes are handed on as they arrive.

Source: RFC 7578, "Returning Values from Forms: multipart/form-data"; Amazon S3 API Reference, "POST Object".
"""

import re
from collections.abc import AsyncIterator
from typing import NamedTuple

from strongroom.base.buffer import Buffer
from strongroom.base.errors import AwsError
from strongroom.wire.http import HttpRequest
from strongroom.wire.s3 import refusals

fields_bytes_max = 20 * 1024
"""How long a form may be before its file begins. Source: the same page, "Form Fields"."""

_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_PARAMETER = re.compile(r';[ \t]*([!-~]+?)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')
_FILENAME = "${filename}"


def malformed_form() -> AwsError:
    """Return the refusal of a body that is not a form."""
    return AwsError(
        "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.", 400
    )


class Form(NamedTuple):
    """A form: its fields by name in lower case, in which `${filename}` is replaced; and its file.

    `file` yields the file's bytes, and raises AwsError when the form ends within it.
    """

    fields: dict[str, str]
    file: AsyncIterator[bytes]


async def read_form(request: HttpRequest) -> Form:
    """Return a form whose file is still to be read.

    Raises AwsError for what is not a form (`MalformedPOSTRequest`), holds no file (`InvalidArgument`) or too much
    before it (`MaxPostPreDataLengthExceeded`).
    """
    reader = _Reader(aiter(request.body), _boundary_of(request))
    await reader.begin()
    fields: dict[str, str] = {}
    while True:
        name, filename = _disposition(await reader.head())
        if name == "file":
            return Form(_with_filename(fields, filename), reader.file())
        if name in fields:
            raise refusals.invalid_argument("POST requires exactly one field of each name.", name, None)
        fields[name] = _text(await reader.value())
        if await reader.is_over():
            raise refusals.invalid_argument("POST requires exactly one file upload per request.", "file", "0")


def _boundary_of(request: HttpRequest) -> bytes:
    content_type = request.fields.get(b"content-type", b"").decode("latin-1")
    for match in _PARAMETER.finditer(content_type):
        if match[1].lower() == "boundary":
            boundary = (match[2] if match[2] is not None else match[3]).encode("latin-1")
            if _BOUNDARY.fullmatch(boundary):
                return boundary
    raise malformed_form()


def _disposition(head: bytes) -> tuple[str, str]:
    """Return the name of a part in lower case, and the name of its file, empty when it has none."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition":
            text = _text(value).strip()
            given = {match[1].lower(): _unquoted(match) for match in _PARAMETER.finditer(text)}
            if text.partition(";")[0].strip().lower() == "form-data" and "name" in given:
                return given["name"].lower(), given.get("filename", "")
    raise malformed_form()


def _unquoted(match: re.Match[str]) -> str:
    if match[2] is None:
        return match[3]
    # Browsers write a quotation mark as %22; others escape it. A backslash before anything else is a path's own.
    return match[2].replace('\\"', '"')


def _with_filename(fields: dict[str, str], filename: str) -> dict[str, str]:
    # Some browsers send the whole path of the file; what the user's folders are called is nobody's business.
    base = re.split(r"[/\\]", filename)[-1]
    return {name: value.replace(_FILENAME, base) for name, value in fields.items()}


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise malformed_form() from None


class _Reader:
    """Takes a form apart as it arrives. All before the file has to fit into `fields_bytes_max`."""

    def __init__(self, source: AsyncIterator[Buffer], boundary: bytes) -> None:
        self._source = source
        self._delimiter = b"\r\n--" + boundary
        # So that the first delimiter, too, comes after a line break.
        self._held = b"\r\n"
        self._left = fields_bytes_max

    async def begin(self) -> None:
        """Go to the first part; what is before it counts for nothing."""
        await self._until(self._delimiter)
        if await self.is_over():
            raise malformed_form()

    async def is_over(self) -> bool:
        """Go past the end of a delimiter's line. Returns whether it was the last delimiter."""
        while len(self._held) < 2:
            await self._more()
        if self._held.startswith(b"--"):
            return True
        line = await self._until(b"\r\n")
        if line.strip(b" \t"):
            raise malformed_form()
        return False

    async def head(self) -> bytes:
        """Return the headers of the next part."""
        head = await self._until(b"\r\n\r\n")
        if head.startswith(b"\r\n") or self._delimiter in b"\r\n" + head:
            raise malformed_form()
        return head

    async def value(self) -> bytes:
        """Return what is in a part that is no file."""
        return await self._until(self._delimiter)

    async def file(self) -> AsyncIterator[bytes]:
        """Yield what is in the file. Whatever follows it is not looked at: the file is the last field."""
        delimiter = self._delimiter
        keep = len(delimiter) - 1
        while True:
            end = self._held.find(delimiter)
            if end >= 0:
                if end:
                    yield self._held[:end]
                return
            if len(self._held) > keep:
                # The last bytes may be the beginning of a delimiter.
                yield self._held[:-keep]
                self._held = self._held[-keep:]
            arrived = await anext(self._source, b"")
            if not arrived:
                raise refusals.incomplete_body()
            self._held += arrived

    async def _until(self, end: bytes) -> bytes:
        searched = 0
        while True:
            at = self._held.find(end, searched)
            if at >= 0:
                taken, self._held = self._held[:at], self._held[at + len(end) :]
                self._left -= at + len(end)
                self._check_left(0)
                return taken
            self._check_left(len(self._held))
            searched = max(0, len(self._held) - len(end) + 1)
            await self._more()

    async def _more(self) -> None:
        arrived = await anext(self._source, b"")
        if not arrived:
            raise malformed_form()
        self._held += arrived

    def _check_left(self, used: int) -> None:
        if used > self._left:
            raise AwsError(
                "MaxPostPreDataLengthExceeded",
                "Your POST request fields preceding the upload file were too large.",
                400,
                members={"MaxPostPreDataLengthBytes": str(fields_bytes_max)},
            )
