"""Faults made on purpose are in no server that people run, and cannot get there."""

import ast
import dataclasses
import subprocess
import sys
from pathlib import Path

from tests.opened_house import InHouse, OpenedHouse

import strongroom
from strongroom.base.configuration import Configuration

SOURCE = Path(strongroom.__file__).parent
_SERVE = "import sys, strongroom.cli.serve, strongroom.server.run; print('strongroom.operations.faults' in sys.modules)"


def test_a_house_has_none(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        assert house.house.faults is None

    in_house(body)


def test_a_server_does_not_even_import_them() -> None:
    done = subprocess.run([sys.executable, "-c", _SERVE], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_only_a_process_that_was_started_for_tests_sets_them() -> None:
    setters = [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "faults" and isinstance(node.ctx, ast.Store)
    ]
    assert sorted(setters) == ["operations/house.py", "testing/commands.py"]
    assert not [field.name for field in dataclasses.fields(Configuration) if "fault" in field.name]
