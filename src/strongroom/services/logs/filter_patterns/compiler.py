"""From the text of a filter pattern to the pattern: its first character tells the language."""

from strongroom.services.logs.filter_patterns.errors import PatternError
from strongroom.services.logs.filter_patterns.json_pattern import compile_json_pattern
from strongroom.services.logs.filter_patterns.pattern import FilterPattern
from strongroom.services.logs.filter_patterns.space_delimited import compile_space_delimited
from strongroom.services.logs.filter_patterns.terms import compile_terms

PATTERN_CHARACTERS_MAX = 1024


def compile_pattern(text: str) -> FilterPattern:
    """Compile a filter pattern. Raises PatternError for what AWS refuses.

    Source: CloudWatch Logs User Guide, "Filter pattern syntax for metric filters, subscription filters, filter log
    events, and Live Tail".
    """
    if len(text) > PATTERN_CHARACTERS_MAX:
        raise PatternError(f"Invalid filter pattern: it is longer than {PATTERN_CHARACTERS_MAX} characters")
    if not text.isascii():
        _must_be_unicode(text)
    stripped = text.strip()
    if stripped.startswith("{"):
        if not stripped.endswith("}"):
            raise PatternError("If a filter pattern starts with '{' it must end with '}'")
        return compile_json_pattern(stripped)
    if stripped.startswith("["):
        if not stripped.endswith("]"):
            raise PatternError("If a filter pattern starts with '[' it must end with ']'")
        return compile_space_delimited(stripped)
    return compile_terms(stripped)


def _must_be_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PatternError("Invalid filter pattern: it is not Unicode text") from None
