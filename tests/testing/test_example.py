"""The example project: its tests pass, by themselves, as those of a project that has Strongroom installed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "records"


def test_the_examples_own_tests_pass(tmp_path: Path) -> None:
    project = shutil.copytree(EXAMPLE, tmp_path / "records", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        env=os.environ | {"PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert re.search(r"^9 passed", done.stdout, re.MULTILINE)
