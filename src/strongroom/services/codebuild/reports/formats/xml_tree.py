"""XML that a build wrote, read without following it anywhere: no entities of its own, no other documents, no depths.

Files of JaCoCo and Cobertura name the DTD that they conform to; expat does not fetch it. What declares entities is
refused, since a short text could stand for a long one.

Source: Extensible Markup Language (XML) 1.0, "Entity Declarations".
"""

import re
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from strongroom.services.codebuild.reports.formats.unreadable import UnreadableReport
from strongroom.services.codebuild.reports.results import COUNT_MAX, nanoseconds

ELEMENTS_MAX, DEPTH_MAX = 200_000, 100
_SEPARATOR = "\n"
_NAME_CHARACTERS_MAX = 100


class _Reader:
    def __init__(self) -> None:
        self._builder = TreeBuilder()
        self._depth = self._elements = 0
        # Names are compared without their namespaces: frameworks do not agree on these.
        self.parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._builder.data
        self.parser.EntityDeclHandler = self._refuse
        self.parser.ExternalEntityRefHandler = self._refuse

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > DEPTH_MAX or self._elements > ELEMENTS_MAX:
            raise UnreadableReport(f"more than {ELEMENTS_MAX:,} elements, or more than {DEPTH_MAX} within each other")
        self._builder.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._builder.end(_local(name))

    def _refuse(self, *told: Any) -> int:
        raise UnreadableReport("entities are not read")

    def tree(self) -> Element:
        return self._builder.close()


def _local(name: str) -> str:
    return name.rpartition(_SEPARATOR)[2]


def read_xml(content: bytes, *roots: str) -> Element:
    """Return the root element of a document, which has to be one of some. Raises UnreadableReport."""
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise UnreadableReport(str(error)) from None
    except (LookupError, ValueError) as error:
        # An encoding that Python does not have, or that is none.
        raise error if isinstance(error, UnreadableReport) else UnreadableReport("unknown encoding") from None
    root = reader.tree()
    if root.tag not in roots:
        found = root.tag[:_NAME_CHARACTERS_MAX]
        raise UnreadableReport(f"expected element type <{roots[-1]}> but have <{found}>")
    return root


def text_of(element: Element | None) -> str:
    """Return the text in an element, without the spaces around it; nothing for no element."""
    return "".join(element.itertext()).strip() if element is not None else ""


def message_of(*parts: str) -> str:
    """Return a message from what it is told by, in which nothing is told twice."""
    told = list(dict.fromkeys(filter(None, parts)))
    return "\n".join(part for part in told if not any(part in other for other in told if other is not part))


_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,2})?")


def seconds(text: str | None) -> int:
    """Return a number of seconds in nanoseconds, whatever separates its thousands; 0 for what is no number."""
    plain = (text or "").strip().replace(",", "")
    return nanoseconds(float(plain)) if _SECONDS.fullmatch(plain) else 0


def count(text: str | None) -> int:
    """Return a count; 0 for what is none."""
    plain = (text or "").strip()
    return min(int(plain), COUNT_MAX) if plain.isascii() and plain.isdigit() and len(plain) < 19 else 0
