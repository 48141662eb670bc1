"""`strongroom tour`: a walk through what Strongroom does and refuses, with proofs."""

import sys
from pathlib import Path
from typing import Annotated

from strongroom.base.errors import OperatorError
from strongroom.cli.settings_variables import ON_COMMAND_LINE_ONLY

NOT_ALL_PROVED = 1

Switch = Annotated[bool | None, ON_COMMAND_LINE_ONLY]


def tour(
    *,
    rows: Annotated[str | None, ON_COMMAND_LINE_ONLY] = None,
    pause: Switch = None,
    plain: Switch = None,
    keep: Annotated[Path | None, ON_COMMAND_LINE_ONLY] = None,
) -> None:
    """Walk through what Strongroom does and refuses, row by row, on a throw-away server: real calls, and proofs.

    The exit status is 1 when a row was not proved: it says what was expected and seen, or what this machine lacks.
    Nothing is left behind, and no server of yours is touched.

    Parameters
    ----------
    rows
        Rows to walk through: M7, M7,M10 or M3-M5; by default all.
    pause
        Wait for Enter behind each row; by default on a terminal.
    plain
        No colours, no drawn lines; by default where the output is no terminal.
    keep
        An empty or new directory that what was stored is left in, to be looked at.
    """
    try:
        from strongroom.testing import TestServerError
        from strongroom.tour.row import chosen
        from strongroom.tour.rows import AFTERWARDS, ROWS
        from strongroom.tour.screen import Screen
        from strongroom.tour.tour import take_tour
    except ModuleNotFoundError as error:
        raise OperatorError(
            f"the tour runs a server: pip install 'strongroom[server]' ({error.name} is missing)"
        ) from None

    is_terminal = sys.stdout.isatty()
    screen = Screen(
        is_plain=not is_terminal if plain is None else plain,
        pauses=(is_terminal and sys.stdin.isatty()) if pause is None else pause,
    )
    try:
        is_proved = take_tour(chosen(ROWS, rows or ""), AFTERWARDS, screen, keep=keep)
    except TestServerError as error:
        raise OperatorError(str(error)) from None
    if not is_proved:
        sys.exit(NOT_ALL_PROVED)
