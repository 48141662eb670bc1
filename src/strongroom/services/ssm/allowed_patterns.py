"""Allowed patterns: regular expressions that values have to match.

A pattern comes from a client, and a backtracking engine may take for ever over it; one that does not backtrack has no
look-ahead, by which such patterns ask for a digit and a capital letter somewhere. So it is run in a process of its own,
which is ended when it has had its time; the value is handed over through a pipe.

Source: AWS Systems Manager API Reference, PutParameter (`AllowedPattern`). AWS runs it in Java, on the whole value.
"""

import asyncio
import json
import subprocess
import sys
from weakref import WeakKeyDictionary

from strongroom.model.patterns import translated
from strongroom.services.ssm import errors

SECONDS_MAX = 1.0
AT_ONCE_MAX = 2
"""How many patterns may be run at a time: whoever sends a costly one waits for those before it."""

_MATCHES, _DIFFERS, _INVALID = 0, 10, 11
_PROGRAM = """
import json, re, sys
pattern, value = json.load(sys.stdin)
try:
    matches = re.compile(pattern, re.ASCII).fullmatch
except (re.error, OverflowError, RecursionError):
    sys.exit(11)
sys.exit(0 if matches(value) else 10)
"""

_turns: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]" = WeakKeyDictionary()


async def check_allowed_pattern(pattern: str, value: str) -> None:
    """Raise ParameterPatternMismatchException unless the value matches, InvalidAllowedPatternException for no pattern.

    One that is not decided within `SECONDS_MAX` is refused as invalid, too.
    """
    try:
        rewritten = translated(pattern)
    except ValueError:
        raise errors.invalid_pattern("it has something in it that is not known here.") from None
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE_MAX))
    async with turn:
        status = await asyncio.to_thread(_run, json.dumps([rewritten, value]).encode())
    if status == _DIFFERS:
        raise errors.pattern_mismatch(pattern)
    if status == _INVALID:
        raise errors.invalid_pattern("it is no regular expression.")
    if status != _MATCHES:
        raise errors.invalid_pattern("it takes too long to match the value.")


def _run(given: bytes) -> int | None:
    """Return how the process ended, None when it took too long."""
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM]
    try:
        done = subprocess.run(  # noqa: S603 (nothing of the command comes from outside)
            command,
            input=given,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            timeout=SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode
