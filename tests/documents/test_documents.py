"""The documents say what is so: every folder is named, every link leads somewhere, no path of one machine is left."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def folders_of_the_package() -> list[str]:
    package = ROOT / "src" / "strongroom"
    folders = [path.parent.relative_to(package) for path in package.rglob("__init__.py")]
    return sorted(f"{folder}/" for folder in folders if str(folder) != "." and folder.name != "versions")


@pytest.mark.parametrize("folder", folders_of_the_package())
def test_the_architecture_names_every_folder(folder: str) -> None:
    assert f"`{folder}`" in (ROOT / "ARCHITECTURE.md").read_text(), f"ARCHITECTURE.md does not mention {folder}"


def test_every_folder_that_the_architecture_names_exists() -> None:
    named = re.findall(r"^\| `([a-z_/]+/)` \|", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    assert len(named) >= 12
    assert [name for name in named if not (ROOT / "src" / "strongroom" / name).is_dir()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (document.parent / link).exists()] == []


def test_every_decision_is_numbered_and_states_itself() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text()
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        assert "**Decision.**" in text, path.name
        assert "**Why.**" in text, path.name


def test_lock_files_pin_by_hash_and_name_no_index() -> None:
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert len(locks) >= 2
    for lock in locks:
        text = lock.read_text()
        assert not re.search(r"https?://|--index-url|--find-links", text), lock.name
        pinned = re.findall(r"^[a-z0-9._-]+(?:\[[a-z,]+\])?==", text, re.MULTILINE | re.IGNORECASE)
        assert pinned
        for requirement in re.split(r"\n(?=\S)", text):
            assert not requirement.strip() or requirement.startswith("#") or "--hash=sha256:" in requirement


def test_no_tracked_file_holds_a_path_of_one_machine() -> None:
    pattern = "/(home|root|work|Users)/[a-z]"
    found = subprocess.run(
        ["git", "grep", "-nIE", pattern, "--", ":!LICENSE", ":!tests/documents/test_documents.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode in (0, 1), found.stderr
    assert found.stdout == ""
