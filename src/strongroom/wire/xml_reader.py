"""XML from strangers, read into a small tree: names, attributes and text, without namespaces.

A document type declaration is refused where it begins: without one there are no entities to expand and nothing outside
the document to fetch. Depth and number of elements are limited; the size of the document is the caller's to limit.

Source: Extensible Markup Language 1.0, section 2.8; the documentation of Python, "XML Security".
"""

from xml.parsers import expat

levels_max = 32
elements_max = 200_000
attributes_max = 16

_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Element:
    """An element: its name and attributes by their local names, its children, and the text that is right in it."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element] = []
        self.text = ""


def read_xml(document: bytes) -> Element:
    """Return the root element of a document in UTF-8.

    Raises ValueError for what is not well-formed, is in another encoding, declares a document type, or exceeds the
    limits.
    """
    if document.startswith(_UTF_16_MARKS):
        raise ValueError("another encoding than UTF-8")
    builder = _Builder()
    # Given an encoding, expat does not believe what the document says of its own, but for these marks.
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = builder.refuse_doctype
    try:
        parser.Parse(document, True)
    except expat.ExpatError:
        raise ValueError("not well-formed XML") from None
    return builder.root


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _Builder:
    def __init__(self) -> None:
        self.root = Element("", {})
        self._open = [self.root]
        self._elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if len(self._open) > levels_max or self._elements > elements_max or len(attributes) > attributes_max:
            raise ValueError("the document has too many elements or attributes, or nests too deeply")
        element = Element(_local(name), {_local(key): value for key, value in attributes.items()})
        if self._elements == 1:
            self.root = element
        else:
            self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, name: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        element = self._open[-1]
        element.text = element.text + text if element.text else text

    def refuse_doctype(self, *_: object) -> None:
        raise ValueError("a document type declaration")
