"""Filter patterns: which log events FilterLogEvents, metric filters, subscription filters and Live Tail want.

Three languages under one roof: terms (`ERROR -timeout`), JSON (`{ $.status = 4* }`) and space-delimited fields
(`[ip, user, ..., status = 4*]`). Source: CloudWatch Logs User Guide, "Filter pattern syntax for metric filters,
subscription filters, filter log events, and Live Tail".
"""

from strongroom.services.logs.filter_patterns.compiler import compile_pattern
from strongroom.services.logs.filter_patterns.errors import PatternError
from strongroom.services.logs.filter_patterns.pattern import FilterPattern

__all__ = ["FilterPattern", "PatternError", "compile_pattern"]
