"""Leaving out of a request or an answer what an audit trail must not hold: sensitive values, and every blob.

The model marks sensitive shapes. Blobs are dropped whether marked or not: plaintext, ciphertext and signatures are not
the audit trail's to keep.
"""

from collections.abc import Callable
from typing import Any

from strongroom.model.shapes import Shape

Redact = Callable[[Any], Any]


def compile_redaction(shape: Shape | None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function that gives a copy of params (or an answer) of `shape` without what is sensitive.

    Members that the shape does not name are dropped too: nobody said that they are harmless. The copy shares harmless
    parts with the original.
    """
    if shape is None:
        return lambda params: {}
    compiler = _Compiler()
    redact: Callable[[dict[str, Any]], dict[str, Any]] = compiler.structure(shape)
    return redact


class _Compiler:
    def __init__(self) -> None:
        self._structures: dict[str, Redact] = {}

    def of(self, shape: Shape) -> Redact | None:
        """Return how values of `shape` are redacted, or None when they are dropped."""
        if shape.sensitive or shape.type == "blob":
            return None
        if shape.type == "structure":
            return _same if shape.document else self.structure(shape)
        if shape.type == "list":
            element = self.of(shape.element.target)
            return None if element is None else _list(element)
        if shape.type == "map":
            key, value = shape.entry
            item = self.of(value.target)
            return None if item is None or self.of(key.target) is None else _map(item)
        return _same

    def structure(self, shape: Shape) -> Redact:
        """Return how a structure is redacted. Structures may refer to themselves."""
        known = self._structures.get(shape.name)
        if known is not None:
            return known
        kept: dict[str, Redact] = {}

        def redact(value: Any) -> Any:
            out = {}
            for name, item in value.items():
                redact_item = kept.get(name)
                if redact_item is not None and item is not None:
                    out[name] = redact_item(item)
            return out

        self._structures[shape.name] = redact
        if not shape.sensitive:
            for name, member in shape.members.items():
                inner = self.of(member.target)
                if inner is not None:
                    kept[name] = inner
        return redact


def _same(value: Any) -> Any:
    return value


def _list(element: Redact) -> Redact:
    if element is _same:
        return _same
    return lambda value: [None if item is None else element(item) for item in value]


def _map(item: Redact) -> Redact:
    if item is _same:
        return _same
    return lambda value: {name: None if entry is None else item(entry) for name, entry in value.items()}
