"""Filter patterns as requests send them. Source: User Guide, "Filter pattern syntax"."""

from strongroom.services.logs import errors
from strongroom.services.logs.filter_patterns import FilterPattern, PatternError, compile_pattern


def accepted_pattern(text: str) -> FilterPattern | None:
    """Return a pattern, compiled, or None for the one that every event matches.

    Raises InvalidParameterException for one that cannot be read.
    """
    if not text.strip():
        return None
    try:
        return compile_pattern(text)
    except PatternError as problem:
        raise errors.invalid_parameter(f"Invalid filter pattern: {problem}") from None
