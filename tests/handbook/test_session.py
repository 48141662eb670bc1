"""The session that runs the handbook would notice: what fails, what prints other than is shown, what does not end."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.handbook import session as sessions
from tests.handbook.documents import Block, read
from tests.handbook.session import Session, is_as_shown, steps


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    session = Session(tmp_path, dict(os.environ))
    yield session
    session.close()


def console(text: str) -> Block:
    return Block("console", "", 1, text)


def test_what_a_block_sets_a_later_one_finds(session: Session) -> None:
    session.run(console("$ ONE=1\n$ echo $ONE\n1\n"))
    session.run(Block("sh", "", 1, "TWO=2\ncd /\n"))
    session.run(console("$ echo $ONE $TWO $PWD\n1 2 /\n"))


def test_a_file_is_there_under_its_title(session: Session) -> None:
    session.run(Block("json", "a.json", 1, "{}\n"))
    session.run(console("$ cat a.json\n{}\n"))


@pytest.mark.parametrize("text", ["$ echo 1\n2\n", "$ echo 1\n", "$ false\n", "$ echo a; false\n...\n"])
def test_what_is_not_as_shown_is_noticed(session: Session, text: str) -> None:
    with pytest.raises(AssertionError):
        session.run(console(text))


def test_a_script_fails_wherever_it_fails(session: Session) -> None:
    with pytest.raises(AssertionError, match="the shell ended"):
        session.run(Block("sh", "", 1, "false\ntrue\n"))


def test_what_does_not_end_is_ended(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "COMMAND_SECONDS_MAX", 0.2)
    with pytest.raises(AssertionError, match="it does not end"):
        session.run(console("$ sleep 60\n"))


def test_an_id_is_exchanged_for_the_real_one(session: Session) -> None:
    shown, real = "25293762-6b79-4cd1-9738-f2fead806a2b", "01234567-89ab-4cde-8f01-23456789abcd"
    session.run(console(f"$ echo {real}\n{shown}\n$ echo x{shown}\nx{shown}\n"))
    with pytest.raises(AssertionError):
        session.run(console(f"$ echo x{shown}\nx{shown[:-1]}c\n"))


def test_an_output_is_compared() -> None:
    assert is_as_shown("a  b\nc\n", "a b\n c")
    assert is_as_shown("a 17 b", "a ... b")
    assert is_as_shown("a b", "a ... b")
    assert not is_as_shown("a b c", "a b")
    assert not is_as_shown("x a b", "a ...")


def test_a_command_goes_on_in_the_next_line() -> None:
    assert steps("$ one \\\n> two\nout\n> more\n$ three\n") == [("one \\\ntwo\n", "out\n> more\n"), ("three\n", "")]


def test_a_comment_that_means_nothing_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- not run: no reason -->\n```sh\ntrue\n```\n")
    assert read(page).blocks[0].notes == {"not run": "no reason"}
    for text in ("<!-- not runn: a typing error -->\n", "<!-- not run: of no block -->\n\nwords\n"):
        page.write_text(text)
        with pytest.raises(AssertionError):
            read(page)
