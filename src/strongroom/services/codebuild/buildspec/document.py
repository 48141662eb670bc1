"""YAML read with its lines: mappings, sequences and text, each of which can say where it stands.

Source: YAML 1.1; AWS CodeBuild User Guide, "Build specification reference", for how commands have to be quoted.
"""

from collections.abc import Iterator
from typing import Any

CHARACTERS_MAX = 262_144
NODES_MAX = 50_000

_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"


class BuildspecError(ValueError):
    """A build specification that can't be used. The text says what is wrong, and on which line."""


class Place:
    """One value of a document (a node as PyYAML has it), and the path and line by which a person finds it."""

    __slots__ = ("_count", "_node", "path")

    def __init__(self, node: Any, path: str, count: list[int]) -> None:
        self._node = node
        self.path = path
        self._count = count
        count[0] += 1
        if count[0] > NODES_MAX:
            # Aliases of aliases make a document that is small on disk and endless when it is followed.
            raise BuildspecError(f"The build specification has more than {NODES_MAX:,} values, aliases followed.")

    def refuse(self, problem: str) -> BuildspecError:
        """Return an error about this value."""
        where = f"{self.path} " if self.path else ""
        return BuildspecError(f"{where}{problem} at line {self._node.start_mark.line + 1}")

    @property
    def is_null(self) -> bool:
        """Whether the value is left empty."""
        return str(self._node.tag) == _NULL

    @property
    def is_text(self) -> bool:
        """Whether the value is one scalar: text, a number, a truth value."""
        return self._node.id == "scalar" and not self.is_null

    def text(self) -> str:
        """Return a scalar as it is written. Raises BuildspecError for anything else."""
        if self._node.id != "scalar":
            raise self.refuse("is to be text: found subkeys or a list instead; make sure that the value is quoted")
        return str(self._node.value) if not self.is_null else ""

    def flag(self) -> bool:
        """Return `yes` or `no` (or true, false) as a truth value. Raises BuildspecError for anything else."""
        word = self.text().lower()
        if word not in {"yes", "no", "true", "false", "on", "off"}:
            raise self.refuse("is to be yes or no")
        return word in {"yes", "true", "on"}

    def items(self) -> list["Place"]:
        """Return the elements of a sequence, none for an empty value. Raises BuildspecError for anything else."""
        if self.is_null:
            return []
        if self._node.id != "sequence":
            raise self.refuse("is to be a list")
        return [Place(node, f"{self.path}[{index}]", self._count) for index, node in enumerate(self._node.value)]

    def texts(self) -> tuple[str, ...]:
        """Return a sequence of texts; one text alone is a sequence of one."""
        if self.is_text:
            return (self.text(),)
        return tuple(item.text() for item in self.items())

    def members(self) -> dict[str, "Place"]:
        """Return a mapping's values by key, none for an empty value. Raises BuildspecError for anything else."""
        if self.is_null:
            return {}
        if self._node.id != "mapping":
            raise self.refuse("is to be a mapping")
        found: dict[str, Place] = {}
        for key, value in self._pairs():
            if key in found:
                raise found[key].refuse("is there twice")
            found[key] = Place(value, f"{self.path}.{key}" if self.path else key, self._count)
        return found

    def _pairs(self) -> Iterator[tuple[str, Any]]:
        for key, value in self._node.value:
            if key.id != "scalar" or key.tag == _MERGE:
                raise BuildspecError(f"A key is to be text at line {key.start_mark.line + 1}")
            yield str(key.value), value

    def texts_by_name(self) -> dict[str, str]:
        """Return a mapping of texts."""
        return {name: value.text() for name, value in self.members().items()}

    def structure(self, *names: str) -> dict[str, "Place"]:
        """Return the members that are not left empty. Raises BuildspecError for one that is none of `names`."""
        members = self.members()
        for name, value in members.items():
            if name not in names:
                raise value.refuse("is not a key that a build specification has here")
        return {name: value for name, value in members.items() if not value.is_null}


def read_document(text: str) -> Place:
    """Return the root of a YAML document. Raises BuildspecError for what is no YAML, or more than one document."""
    if len(text) > CHARACTERS_MAX:
        raise BuildspecError(f"The build specification has more than {CHARACTERS_MAX:,} characters.")
    import yaml

    # libyaml reads a specification of the greatest length in a tenth of the time, and bounds how deep it goes.
    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    try:
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" at line {mark.line + 1}" if mark is not None else ""
        raise BuildspecError(f"{error.problem or 'the document is no YAML'}{line}") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise BuildspecError("The build specification is no YAML.") from None
    if node is None:
        raise BuildspecError("The build specification is empty.")
    return Place(node, "", [0])
