"""JSON text as a tree in which every value knows where it stands: its JSON pointer (RFC 6901), line and column."""

import bisect
import json
import re
from collections.abc import Iterator
from functools import cached_property

DEPTH_MAX = 64

_WHITE_SPACE = re.compile(r"[ \t\n\r]*")
_CONSTANTS = ("NaN", "Infinity", "-Infinity")
_decode = json.JSONDecoder().raw_decode


class SourceError(ValueError):
    """The text is not JSON. `offset` is where, in characters from the beginning."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class Node:
    """One value: `members` of an object (in order, repetitions too), `items` of an array, or a scalar.

    `text` is the value of a string, and the text of any other scalar as written. `offset` is where the value begins,
    `end` where it ends; `name_offset` is where the name of the member begins whose value it is (-1 for none).
    """

    __slots__ = ("end", "is_string", "items", "members", "name_offset", "offset", "pointer", "text")

    def __init__(self, offset: int, pointer: str) -> None:
        self.offset = offset
        self.end = offset
        self.name_offset = -1
        self.pointer = pointer
        self.members: list[tuple[str, Node]] | None = None
        self.items: list[Node] | None = None
        self.text = ""
        self.is_string = False

    @property
    def is_scalar(self) -> bool:
        """Whether it is neither an object nor an array."""
        return self.members is None and self.items is None

    def member(self, name: str) -> "Node | None":
        """Return the value of the member `name`, or None when there is none or this is no object."""
        return next((node for key, node in self.members or () if key == name), None)

    def listed(self) -> "list[Node]":
        """Return the items of an array, or this value alone: policies may write a list of one without brackets."""
        return self.items if self.items is not None else [self]

    def walk(self) -> "Iterator[Node]":
        """Yield this value and all within it."""
        yield self
        for child in self.items or [node for _, node in self.members or ()]:
            yield from child.walk()


class Source:
    """A text and its tree. Raises SourceError when the text is not JSON."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = _Reader(text).read()

    @cached_property
    def _line_starts(self) -> list[int]:
        return line_starts(self.text)

    def position(self, offset: int) -> tuple[int, int]:
        """Return the line and the column of an offset, both counted from 1, in characters."""
        return position(self._line_starts, offset)


def line_starts(text: str) -> list[int]:
    """Return the offset at which each line of `text` begins."""
    return [0, *(found.end() for found in re.finditer(r"\r\n|\n|\r", text))]


def position(starts: list[int], offset: int) -> tuple[int, int]:
    """Return line and column, counted from 1, of an offset in a text whose lines begin at `starts`."""
    line = bisect.bisect_right(starts, offset)
    return line, offset - starts[line - 1] + 1


class _Reader:
    """A reader of one text. Scalars are left to the standard library, so both agree on what is JSON."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read(self) -> Node:
        root, at = self._value(self._skip(0), "", 0)
        at = self._skip(at)
        if at < len(self._text):
            raise SourceError("there is more text after the policy", at)
        return root

    def _skip(self, at: int) -> int:
        found = _WHITE_SPACE.match(self._text, at)
        return found.end() if found else at

    def _value(self, at: int, pointer: str, depth: int) -> tuple[Node, int]:
        if depth > DEPTH_MAX:
            raise SourceError("the policy is nested too deeply", at)
        node = Node(at, pointer)
        sign = self._text[at : at + 1]
        if sign == "{":
            node.end = self._object(node, depth)
        elif sign == "[":
            node.end = self._array(node, depth)
        else:
            value, node.end = self._scalar(at)
            node.is_string = isinstance(value, str)
            node.text = value if isinstance(value, str) else self._text[at : node.end]
        return node, node.end

    def _scalar(self, at: int) -> tuple[object, int]:
        if self._text.startswith(_CONSTANTS, at):
            raise SourceError("NaN and Infinity are not JSON", at)
        try:
            value, end = _decode(self._text, at)
            if isinstance(value, str):
                value.encode()
            return value, end
        except UnicodeEncodeError:
            raise SourceError("the string is not Unicode text", at) from None
        except json.JSONDecodeError as error:
            raise SourceError(error.msg[0].lower() + error.msg[1:], error.pos) from None
        except ValueError as error:
            raise SourceError(str(error), at) from None

    def _object(self, node: Node, depth: int) -> int:
        node.members = []
        at = self._skip(node.offset + 1)
        if self._text[at : at + 1] == "}":
            return at + 1
        while True:
            if self._text[at : at + 1] != '"':
                raise SourceError("expected the name of a member in double quotes", at)
            name, end = self._scalar(at)
            name_offset, at = at, self._expect(":", self._skip(end))
            pointer = f"{node.pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
            value, at = self._value(at, pointer, depth + 1)
            value.name_offset = name_offset
            node.members.append((str(name), value))
            at = self._skip(at)
            if self._text[at : at + 1] == "}":
                return at + 1
            at = self._expect(",", at)

    def _array(self, node: Node, depth: int) -> int:
        node.items = []
        at = self._skip(node.offset + 1)
        if self._text[at : at + 1] == "]":
            return at + 1
        while True:
            item, at = self._value(at, f"{node.pointer}/{len(node.items)}", depth + 1)
            node.items.append(item)
            at = self._skip(at)
            if self._text[at : at + 1] == "]":
                return at + 1
            at = self._expect(",", at)

    def _expect(self, sign: str, at: int) -> int:
        if self._text[at : at + 1] != sign:
            raise SourceError(f"expected {sign!r}", at)
        return self._skip(at + 1)
