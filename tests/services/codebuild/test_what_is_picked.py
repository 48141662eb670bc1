"""Files that a build leaves, and patterns that pick some of them: never what is behind a link."""

import os
import time
from pathlib import Path

import pytest

from strongroom.services.codebuild.request_conditions import condition_of
from strongroom.services.codebuild.running import globs
from strongroom.services.codebuild.running.globs import Globs, GlobsRefused
from strongroom.services.codebuild.running.work_files import files_below, is_within, links_below, open_file


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("**/*", ["a", "a/b", ".c/d"], []),
        ("*", ["a", ".a"], ["a/b"]),
        ("a/*.txt", ["a/b.txt"], ["a/b/c.txt", "a.txt", "a/bxtxt"]),
        ("a/**/*.txt", ["a/b.txt", "a/b/c.txt"], ["b/a/c.txt"]),
        ("./a/b", ["a/b"], ["a/bc"]),
        ("a?", ["ab"], ["a/", "abc"]),
        ("a+(b)[c]", ["a+(b)[c]"], ["aab"]),
        ("a?b\\|{", ["aüb\\|{", "a\udcffb\\|{"], ["aübb\\|{", "aüüb\\|{"]),
        ("a\n*", ["a\nb", "a\n"], ["a"]),
        ("**/*\udcff", ["\udcff", "a/\udcff"], ["\udcfe"]),
    ],
)
def test_patterns(pattern: str, matching: list[str], others: list[str]) -> None:
    for path in matching:
        assert Globs(["none", pattern]).match(path), path
    for path in others:
        assert not Globs([pattern]).match(path), path


def test_patterns_cost_no_more_than_they_are_long() -> None:
    assert not Globs([]).match("")
    began = time.thread_time()
    assert not Globs(["*a" * 12 + "*b"]).match("a" * 200)
    assert time.thread_time() - began < 1
    with pytest.raises(GlobsRefused, match="too long"):
        Globs(["?" * 200_000])


def test_what_takes_too_long_is_no_longer_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(globs, "_SECONDS_MAX", 0.0)
    with pytest.raises(GlobsRefused, match="take too long"):
        Globs(["**/" * 50 + "b"]).match("a/" * 1000)


def test_no_link_leads_anywhere(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "a").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (root / "a" / "file").write_text("content")
    (root / "link").symlink_to(outside)
    (root / "a" / "link").symlink_to(outside / "secret")
    os.mkfifo(root / "a" / "pipe")
    assert [file.path for file in files_below(root, ".")] == ["a/file"]
    assert [file.path for file in files_below(root, "a")] == ["file"]
    (root / "b").mkdir()
    (root / "b" / "near").symlink_to("../a/file")
    (root / "b" / "folder").symlink_to("../a")
    (root / "b" / "up").symlink_to("../../outside/secret")
    assert list(links_below(root, ".")) == [("b/folder", "../a"), ("b/near", "../a/file")]
    assert list(links_below(root, "b")) == []
    for folder, target in ((".", "..a/b"), ("./a/b", "../../c"), ("a", ".."), ("a", "./b//c")):
        assert is_within(folder, target), target
    for folder, target in ((".", ".."), ("./a/b", "../../../c"), ("a", "b/../c"), ("a", "/a")):
        assert not is_within(folder, target), target
    with open_file(root, "a/file") as file:
        assert file.read() == b"content"
    for path in ("link/secret", "a/link", "a/pipe", "../outside/secret", "a/../../outside/secret", "", "a", "none"):
        with pytest.raises(OSError):
            open_file(root, path)
    with pytest.raises(OSError):
        list(files_below(root, "link"))


SETTINGS = {
    "serviceRole": "r",
    "source": {"type": "S3", "buildspec": "x", "insecureSsl": False},
    "secondarySources": [
        {"sourceIdentifier": "One", "location": "l1"},
        {"sourceIdentifier": "two", "location": "l2", "insecureSsl": True},
    ],
    "logsConfig": {"s3Logs": {"status": "ENABLED"}},
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("codebuild:servicerole", "r"),
        ("codebuild:source", True),
        ("codebuild:source.buildspec", True),
        ("codebuild:source.insecuressl", False),
        ("codebuild:source.location", None),
        ("codebuild:secondarysources", True),
        ("codebuild:secondarysources/one.location", "l1"),
        ("codebuild:secondarysources/three.location", None),
        ("codebuild:secondarysources.location", ["l1", "l2"]),
        ("codebuild:secondarysources.insecuressl", ["true"]),
        ("codebuild:logsconfig.s3logs.status", "ENABLED"),
        ("codebuild:vpcconfig", None),
        ("aws:servicerole", None),
    ],
)
def test_condition_keys(name: str, value: object) -> None:
    assert condition_of(SETTINGS, name) == value
