"""The handbook is built, strictly, and asks no other machine for anything when it is read."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.handbook.documents import ROOT

FETCHED = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=["']?(?:https?:)?//[^\s"'>]+""")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("handbook") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(directory)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return directory


def test_every_page_is_there_and_in_the_menu(built: Path) -> None:
    menu = (built / "index.html").read_text()
    for path in ROOT.glob("docs/**/*.md"):
        page = str(path.relative_to(ROOT / "docs").with_suffix(".html")).replace("README.html", "index.html")
        assert (built / page).exists(), page
        assert f'href="{page}"' in menu or page == "index.html", f"{page} is not in the menu"


def test_tables_are_filled_in(built: Path) -> None:
    assert "<code>GenerateDataKey</code>" in (built / "services" / "kms.html").read_text()
    assert "<code>RunInstances</code>" in (built / "services" / "ec2.html").read_text()
    assert "STRONGROOM_ROOT_KEY_FILE" in (built / "operating" / "settings.html").read_text()
    assert not [path for path in built.rglob("*.html") if "&lt;!-- table" in path.read_text()]


def test_a_reader_fetches_nothing_from_elsewhere(built: Path) -> None:
    for path in built.rglob("*.html"):
        assert FETCHED.findall(path.read_text()) == [], path.name
    for path in built.rglob("*.css"):
        assert re.findall(r"url\(['\"]?(?:https?:)?//", path.read_text()) == [], path.name
    assert str(Path.home()) not in (built / "operating" / "commands.html").read_text()
