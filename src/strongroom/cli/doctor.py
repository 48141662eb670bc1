"""`strongroom doctor`: what this machine can and cannot do."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from strongroom.base.configuration import Configuration
from strongroom.cli.settings_variables import ON_COMMAND_LINE_ONLY

if TYPE_CHECKING:
    from rich.table import Table

    from strongroom.server.doctor.examination import Examination

CANNOT_SERVE = 1
_STYLES = {"ok": "green", "limited": "yellow", "missing": "red"}


def doctor(
    configuration: Annotated[Configuration | None, Parameter(name="*")] = None,
    *,
    config: Path | None = None,
    json: Annotated[bool, ON_COMMAND_LINE_ONLY] = False,
) -> None:
    """Look at what this machine can do for a server with these options, and say how to mend what it cannot.

    The exit status is 1 when something is missing that a server needs to start. Nothing is changed.

    Parameters
    ----------
    config
        File of settings (TOML); by default strongroom.toml in the data directory or the user's configuration directory.
    json
        Print JSON instead of a table.
    """
    from strongroom.server.doctor.examination import examine

    chosen = configuration or Configuration()
    found = examine(replace(chosen, data=chosen.data.expanduser().absolute()))
    if json:
        from json import dumps

        print(dumps(found.plain(), indent=2))
    else:
        _print(found)
    if not found.can_serve:
        sys.exit(CANNOT_SERVE)


def _print(found: "Examination") -> None:
    from rich.console import Console

    # Where nobody sees the width, lines are not broken, so that they can be searched.
    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 240, highlight=False)
    console.print(_table(found))
    able = "A server can start here" if found.can_serve else "A server cannot start here"
    worse = sum(finding.state != "ok" for _, finding in found.findings)
    console.print(f"{able}; {worse or 'none'} of {len(found.findings)} could be better." if worse else f"{able}.")


def _table(found: "Examination") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from strongroom.policy_check.listing import printable

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("", "", "found"):
        table.add_column(heading)
    for probe, finding in found.findings:
        text = Text(printable(finding.found))
        if finding.without:
            text.append(f"\n{printable(finding.without)}", "yellow")
        if finding.remedy:
            text.append(f"\nto mend: {printable(finding.remedy)}", "bold")
        table.add_row(Text(finding.state, _STYLES[finding.state]), probe.name, text)
    return table
