"""Regular expressions that users write, searched in time linear in the text, whatever the expression.

RE2 does it: it runs automata of bounded memory and never backtracks, so that no expression takes exponential time; what
cannot be searched so (look-around, back-references) is refused when it is compiled. It is also the dialect of Logs
Insights. Sources: CloudWatch Logs User Guide, "Boolean, comparison, numeric, datetime, and other functions"; RE2,
"Syntax".

The only importer of `re2`, and late: whoever writes no regular expression does not pay for it.
"""

from typing import Any

EXPRESSION_CHARACTERS_MAX = 2048
PROGRAM_BYTES_MAX = 2 << 20
"""Memory of one compiled expression; a larger one (`(x{1000}){1000}`) is refused."""


class RegularExpressionError(ValueError):
    """Not a regular expression that can be searched in linear time. The message is one phrase for people."""


class RegularExpression:
    """A compiled regular expression. `names` are its named groups in order; `groups` counts the groups without one."""

    __slots__ = ("_search", "_slots", "groups", "names")

    def __init__(self, compiled: Any, *, captures: bool) -> None:
        self._search = compiled.search
        numbers: dict[str, int] = dict(compiled.groupindex) if captures else {}
        self.names = tuple(sorted(numbers, key=lambda name: numbers[name]))
        named = set(numbers.values())
        unnamed = [number for number in range(1, compiled.groups + 1) if number not in named] if captures else []
        self.groups = len(unnamed)
        self._slots = [numbers[name] for name in self.names] + unnamed

    def found_in(self, text: str) -> bool:
        """Tell whether it matches anywhere in `text`."""
        return self._search(text.encode("utf-8", "surrogatepass")) is not None

    def captured_in(self, text: str) -> list[str | None] | None:
        """Return what the first match captured, None without one: the named groups in order, then the others."""
        found = self._search(text.encode("utf-8", "surrogatepass"))
        if found is None:
            return None
        captured = (found.group(slot) for slot in self._slots)
        return [None if part is None else part.decode("utf-8", "surrogatepass") for part in captured]


def compile_expression(text: str, *, captures: bool = False) -> RegularExpression:
    """Compile `text`; without `captures`, groups only group. Raises RegularExpressionError."""
    if len(text) > EXPRESSION_CHARACTERS_MAX:
        raise RegularExpressionError(f"a regular expression is at most {EXPRESSION_CHARACTERS_MAX} characters long")
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = PROGRAM_BYTES_MAX
    options.never_capture = not captures
    try:
        compiled = re2.compile(text, options)
    except UnicodeEncodeError:
        raise RegularExpressionError("a regular expression is Unicode text") from None
    except re2.error as error:
        raise RegularExpressionError(_reason(error)) from None
    return RegularExpression(compiled, captures=captures)


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else "not a regular expression"
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
