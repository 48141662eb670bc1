"""`strongroom clock`: what time it is in the house, and the time moved forward."""

import re
from datetime import timedelta
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.base.errors import OperatorError
from strongroom.cli.store_options import StoreOptions

clock = App(name="clock", help="Show the time of the house; move it forward on a server with --test-clock.")

Options = Annotated[StoreOptions | None, Parameter(name="*")]

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,6})?[wdhms])+")
_PART = re.compile(r"([0-9.]+)([wdhms])")


def duration_of(text: str) -> timedelta:
    """Return what `30d`, `1d12h` or `90s` says. Raises OperatorError for what says no duration."""
    if _DURATION.fullmatch(text) is None:
        raise OperatorError(f"{text!r} is no duration; 30d, 1d12h and 90s are (weeks, days, hours, minutes, seconds)")
    seconds = sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(text))
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise OperatorError(f"{text!r} is too long") from None


@clock.default
@clock.command
def show(store: Options = None) -> None:
    """Show the time of the house, and how far it is ahead of the real one."""
    from strongroom.base.clock import as_datetime
    from strongroom.base.moved_clock import seconds_ahead
    from strongroom.cli.known_server import known_server
    from strongroom.server.clock import clock_of

    configuration = known_server(store or StoreOptions()).configuration
    ahead = seconds_ahead(configuration.data)
    moment = as_datetime(clock_of(configuration).now())
    print(f"{moment:%Y-%m-%dT%H:%M:%SZ} ({'the real time' if not ahead else f'{timedelta(seconds=ahead)} ahead'})")


@clock.command
def advance(by: str, /, store: Options = None) -> None:
    """Move the time of the house forward: what is due by then is done within a second or two. It never goes back.

    Rotation, expiry, deletion, retention and sessions follow; signatures, TLS and presigned URLs go by the real time.
    The server must have been started with --test-clock.

    Parameters
    ----------
    by
        How far: 30d, 1d12h, 90s (weeks, days, hours, minutes, seconds).
    """
    import asyncio

    from strongroom.base.clock import as_datetime
    from strongroom.cli.known_server import known_server
    from strongroom.server.clock import advance_clock

    step = duration_of(by)
    known = known_server(store or StoreOptions())
    if not known.endpoint.has_test_clock:
        raise OperatorError("the clock of this server cannot be moved: it was not started with --test-clock")
    moved = asyncio.run(advance_clock(known.configuration, step))
    print(f"{as_datetime(moved.now()):%Y-%m-%dT%H:%M:%SZ} ({moved.lead} ahead)")
