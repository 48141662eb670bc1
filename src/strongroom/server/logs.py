"""Log entries, on standard error: one line each, JSON or for people.

Never in them: bodies, headers, query strings (a presigned URL carries a signature) and the texts of unexpected
exceptions (which may repeat what they choked on). An exception is logged as its type and where it was raised.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from strongroom.base.configuration import LogFormat, LogLevel

FRAMES_MAX = 40
CAUSES_MAX = 8

logger: FilteringBoundLogger = structlog.get_logger("strongroom")


def configure_logs(level: LogLevel, log_format: LogFormat) -> None:
    """Send log entries of at least `level` to standard error, ours and those of the libraries we use."""
    number = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}[level]
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        trace_without_values,
    ]
    renderer: Processor
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer))
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)


def trace_without_values(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace `exc_info` by `exception`: types and places, innermost last, without messages or local values."""
    error = entry.pop("exc_info", None)
    if error is True or isinstance(error, tuple):
        error = sys.exc_info()[1] if error is True else error[1]
    if isinstance(error, BaseException):
        entry["exception"] = describe(error)
    return entry


def describe(error: BaseException) -> str:
    """Return the types of an exception and of what led to it, each with the places it passed (`file:line function`)."""
    parts: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(parts) < CAUSES_MAX:
        frames = traceback.extract_tb(seen.__traceback__)[-FRAMES_MAX:]
        places = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        kind = type(seen)
        parts.append(f"{kind.__module__}.{kind.__qualname__} at {places or 'an unknown place'}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return " caused by ".join(parts)
