"""A compiled filter pattern: which messages it matches, and what it takes out of them."""

from collections.abc import Callable, Sequence

Extract = Callable[[str], dict[str, str] | None]


class FilterPattern:
    """A compiled filter pattern.

    `matches(message)` tells whether a message matches. `required_bytes` are UTF-8 substrings that every matching
    message contains; `required_unless_escaped` are more of them, which a matching message contains unless it contains a
    backslash (JSON may write a letter as `\\u0061`). Both serve to skip whole batches. `regex_count` counts its regular
    expressions, for the quota of a log group.
    """

    __slots__ = ("_extract", "matches", "regex_count", "required_bytes", "required_unless_escaped")

    def __init__(
        self,
        matches: Callable[[str], bool],
        required: Sequence[str],
        *,
        required_unless_escaped: Sequence[str] = (),
        extract: Extract | None = None,
        regex_count: int = 0,
    ) -> None:
        self.matches = matches
        self.required_bytes = tuple(text.encode() for text in required)
        self.required_unless_escaped = tuple(text.encode() for text in required_unless_escaped)
        self.regex_count = regex_count
        self._extract = extract

    def extract(self, message: str) -> dict[str, str] | None:
        """Return what TestMetricFilter tells as `extractedValues`; None when the message does not match.

        `$field` (or `$3`, where the third field has no name) for space-delimited patterns, the selectors (`$.a.b`) for
        JSON patterns, nothing for terms.
        """
        if self._extract is not None:
            return self._extract(message)
        return {} if self.matches(message) else None
