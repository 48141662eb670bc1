"""The shapes of a service model, as botocore's `service-2.json` writes them, without their documentation.

Source: the files themselves, and the Smithy specification, "Constraint traits" and "Protocol traits", for what the
members mean.
"""

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

    The traits here apply to this use only. `target` is the shape itself, set once the whole model is read.
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
    """A type of a service model. `name` is set once the whole model is read."""

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


def link(shapes: dict[str, Shape]) -> None:
    """Give every shape its name and every reference its target. Raises ValueError for a reference to nothing."""
    for name, shape in shapes.items():
        shape.name = name
        for reference in shape.references():
            target = shapes.get(reference.shape)
            if target is None:
                raise ValueError(f"{name} refers to the unknown shape {reference.shape}")
            reference.target = target
