"""Filter patterns as requests send them.

Source: CloudWatch Logs User Guide, "Filter pattern syntax"; API Reference, PutMetricFilter.
"""

from strongroom.services.logs import errors
from strongroom.services.logs.filter_patterns import FilterPattern, PatternError, compile_pattern

REGEXES_PER_GROUP_MAX = 5
"""How many regular expressions all filters of a log group may have; a pattern has two at most."""


def accepted_pattern(text: str) -> FilterPattern | None:
    """Return a pattern, compiled, or None for the one that every event matches.

    Raises InvalidParameterException for one that cannot be read.
    """
    if not text.strip():
        return None
    try:
        return compile_pattern(text)
    except PatternError as problem:
        raise errors.invalid_parameter(str(problem)) from None


def regexes_in(text: str) -> int:
    """Return how many regular expressions are in a pattern that was accepted."""
    pattern = accepted_pattern(text)
    return 0 if pattern is None else pattern.regex_count
