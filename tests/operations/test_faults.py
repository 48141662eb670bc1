"""Faults made on purpose are in no server that people run, and cannot get there."""

import asyncio
import dataclasses
import re
import subprocess
import sys
from pathlib import Path

from tests.opened_house import opened_house

import strongroom
from strongroom.base.configuration import Configuration

SOURCE = Path(strongroom.__file__).parent
_SERVE = "import sys, strongroom.cli.serve, strongroom.server.run; print('strongroom.operations.faults' in sys.modules)"


def test_a_house_has_none(tmp_path: Path) -> None:
    async def faults() -> object:
        async with opened_house(tmp_path) as opened:
            return opened.house.faults

    assert asyncio.run(faults()) is None


def test_a_server_does_not_even_import_them() -> None:
    done = subprocess.run([sys.executable, "-c", _SERVE], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_only_a_process_that_was_started_for_tests_sets_them() -> None:
    sets = re.compile(r"\.faults(: [^=\n]+)? = ")
    setters = [path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if sets.search(path.read_text())]
    assert sorted(map(str, setters)) == ["operations/house.py", "testing/commands.py"]
    assert not [field.name for field in dataclasses.fields(Configuration) if "fault" in field.name]
