"""The shapes of a service model, as botocore's `service-2.json` writes them, without their documentation.

Source: the files themselves, and the Smithy specification, "Constraint traits" and "Protocol traits", for what the
members mean.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

SCALAR_TYPES = frozenset(
    {"string", "character", "boolean", "integer", "long", "float", "double", "bigdecimal", "timestamp", "blob"}
)


def _nowhere() -> "Shape":
    return _NOT_LINKED


class ErrorTraits(msgspec.Struct, frozen=True, rename="camel"):
    """How an exception shape is told: its code in the query protocol, its HTTP status, and whose fault it is."""

    code: str = ""
    http_status_code: int = 0
    sender_fault: bool = False


class Reference(msgspec.Struct, rename="camel"):
    """A use of a shape: as a member of a structure, the element of a list, the key or value of a map.

    The traits here apply to this use only. `target` is the shape itself, set when the shape that refers to it is made.
    """

    shape: str
    location: str = ""
    location_name: str = ""
    query_name: str = ""
    flattened: bool = False
    streaming: bool = False
    xml_attribute: bool = False
    xml_namespace: Any = None
    timestamp_format: str = ""
    idempotency_token: bool = False
    jsonvalue: bool = False
    host_label: bool = False
    eventpayload: bool = False
    eventheader: bool = False
    target: "Shape" = msgspec.field(default_factory=_nowhere, name="-target")


class Shape(msgspec.Struct, rename="camel"):
    """A type of a service model. `name` is set when it is made (see `Shapes`)."""

    type: str
    members: dict[str, Reference] = {}
    required: tuple[str, ...] = ()
    member: Reference | None = None
    key: Reference | None = None
    value: Reference | None = None
    min: float | None = None
    max: float | None = None
    pattern: str = ""
    enum: tuple[str, ...] = ()
    sensitive: bool = False
    timestamp_format: str = ""
    flattened: bool = False
    location_name: str = ""
    xml_namespace: Any = None
    payload: str = ""
    streaming: bool = False
    union: bool = False
    document: bool = False
    event: bool = False
    eventstream: bool = False
    exception: bool = False
    fault: bool = False
    error: ErrorTraits | None = None
    name: str = msgspec.field(default="", name="-name")

    def references(self) -> list[Reference]:
        """Return every use of another shape within this one."""
        inner = [reference for reference in (self.member, self.key, self.value) if reference is not None]
        return [*self.members.values(), *inner]

    @property
    def element(self) -> Reference:
        """The element of a list. Raises ValueError for a list that names none: the model is broken."""
        if self.member is None:
            raise ValueError(f"the list {self.name} names no member")
        return self.member

    @property
    def entry(self) -> tuple[Reference, Reference]:
        """The key and the value of a map. Raises ValueError for a map that lacks one: the model is broken."""
        if self.key is None or self.value is None:
            raise ValueError(f"the map {self.name} names no key or value")
        return self.key, self.value


_NOT_LINKED = Shape(type="structure", name="(not linked)")


_decode_shape = msgspec.json.Decoder(Shape).decode


class Shapes(Mapping[str, Shape]):
    """The shapes of a model by name. One is made when it is first asked for, with all that it refers to.

    `texts` are the shapes as JSON; `read` returns them once more when one is to be made after `release`, which gives
    them up. Raises ValueError for a shape that refers to one that there is not.
    """

    def __init__(self, texts: Mapping[str, msgspec.Raw], read: Callable[[], Mapping[str, msgspec.Raw]]) -> None:
        self._texts: Mapping[str, msgspec.Raw] | None = texts
        self._read = read
        self._made: dict[str, Shape] = {}

    @property
    def texts(self) -> Mapping[str, msgspec.Raw]:
        """The shapes as JSON."""
        if self._texts is None:
            self._texts = self._read()
        return self._texts

    def release(self) -> None:
        """Give up the JSON of the shapes, which is large: what is asked for from now on is probably made already."""
        self._texts = None

    def __getitem__(self, name: str) -> Shape:
        made = self._made.get(name)
        return self._make(name) if made is None else made

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)

    def __len__(self) -> int:
        return len(self.texts)

    def _make(self, name: str) -> Shape:
        texts = self.texts
        made = {name: _decode_shape(texts[name])}
        to_link = [name]
        while to_link:
            referring = to_link.pop()
            shape = made[referring]
            shape.name = referring
            for reference in shape.references():
                wanted = reference.shape
                target = self._made.get(wanted) or made.get(wanted)
                if target is None:
                    text = texts.get(wanted)
                    if text is None:
                        raise ValueError(f"{referring} refers to the unknown shape {wanted}")
                    target = made[wanted] = _decode_shape(text)
                    to_link.append(wanted)
                reference.target = target
        # Only what is complete is kept.
        self._made.update(made)
        return made[name]
