"""docs/testing.md: what it shows runs, as the files that it says they are."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENT = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
FILES = dict(re.findall(r'```python title="(\S+)"\n(.*?)```', DOCUMENT, re.DOTALL))


@pytest.mark.parametrize("command", [["-m", "pytest", "-q", "-p", "no:cacheprovider"], ["script.py"]], ids=" ".join)
def test_what_the_document_shows_runs(command: list[str], tmp_path: Path) -> None:
    assert len(FILES) == DOCUMENT.count("```python") == 6
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    expected = r"^6 passed" if "pytest" in command else r'"Value": "hello"'
    assert re.search(expected, done.stdout, re.MULTILINE), done.stdout
