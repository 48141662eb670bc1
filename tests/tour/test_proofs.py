"""What becomes of a row whose claims do not hold, and of the rows beside it."""

from pathlib import Path

import pytest
from tests.tour.walking import Grounds

from strongroom.base.errors import OperatorError
from strongroom.tour.canary import Canary
from strongroom.tour.guide import guide
from strongroom.tour.premises import Premises
from strongroom.tour.proof import NotProvedHere, Outcome, Proof
from strongroom.tour.row import Row, chosen
from strongroom.tour.rows import AFTERWARDS, ROWS, quotas
from strongroom.tour.screen import Screen
from strongroom.tour.transcript import Transcript
from strongroom.tour.visit import Visit


def raises(visit: Visit) -> None:
    raise RuntimeError("it\nbroke")


def proves_nothing(visit: Visit) -> None:
    visit.say("There is nothing to be seen here.")


def is_wrong(visit: Visit) -> None:
    visit.prove("one is two", expected=2, seen=1)
    visit.prove("one is one", expected=1, seen=1)


def is_refused(visit: Visit) -> None:
    visit.aws("kms", "DescribeKey", KeyId="alias/absent")


def cannot_be(visit: Visit) -> None:
    visit.prove("so far it works", expected=1, seen=1)
    visit.needs("there is no such thing", "to mend: buy one")


def leaks(visit: Visit) -> None:
    (visit.served.home / "leak").write_bytes(visit.canary.word[::-1].encode().hex().encode())
    visit.prove("one is one", expected=1, seen=1)


def test_a_row_that_fails_does_not_end_the_tour(capsys: pytest.CaptureFixture[str]) -> None:
    shows = (raises, proves_nothing, is_wrong, is_refused, cannot_be, leaks)
    rows = [Row(f"T{number}", "a row", show, is_slow=number == 1) for number, show in enumerate(shows)]
    premises = Premises()
    screen = Screen(is_plain=True, pauses=False)
    try:
        outcomes = guide(rows, AFTERWARDS, premises, premises.serve("server"), screen.show)
        screen.end(outcomes, 1.0)
    finally:
        premises.remove()
    states = ["failed", "failed", "failed", "failed", "not proved here", "proved", "failed"]
    assert [outcome.state for outcome in outcomes] == states
    told = [outcome.proofs[0] for outcome in outcomes if outcome.proofs and not outcome.proofs[0].holds]
    assert told[0].seen == "RuntimeError: it broke"
    assert told[1] == Proof("one is two", "2", "1", False)
    assert told[2].seen.startswith("An error occurred (NotFoundException) when calling the DescribeKey operation")
    assert "the canary reversed in hexadecimal" in told[3].seen
    printed = capsys.readouterr().out
    assert "NOT PROVED one is two\n    expected: 2\n    seen:     1" in printed
    assert "not proved here: there is no such thing; to mend: buy one" in printed
    assert "1 of 7 rows proved" in printed


def test_a_server_that_throttles_nobody_does_not_pass(grounds: Grounds, monkeypatch: pytest.MonkeyPatch) -> None:
    for later in ("_backing_off", "_increase", "_caching"):
        monkeypatch.setattr(quotas, later, lambda *_: None)
    served, clients = grounds.premises.serve("lenient", request_quotas="off")
    outcome, _ = grounds.walk(quotas.show, served, clients)
    assert outcome.state == "failed"
    assert f"{quotas.CALLS} answered, 0 throttled" in [proof.seen for proof in outcome.proofs if not proof.holds]


def test_rows_are_chosen() -> None:
    assert [row.name for row in ROWS] == [f"M{number}" for number in range(1, 16)]
    assert [row.name for row in chosen(ROWS, " m10, M7")] == ["M7", "M10"]
    assert [row.name for row in chosen(ROWS, "M3-M5,4")] == ["M3", "M4", "M5"]
    assert chosen(ROWS, "") == ROWS
    for names, complaint in (
        ("M5-M3", "M1 to M15"),
        ("M0", "no row M0"),
        ("M3-", "'M3-' is no row"),
        ("x", "is no row"),
    ):
        with pytest.raises(OperatorError, match=complaint):
            chosen(ROWS, names)


def test_what_is_kept_needs_a_place_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="is not empty"):
        Premises(tmp_path)
    with pytest.raises(OperatorError, match="cannot be made"):
        Premises(tmp_path / "file" / "below")


def test_the_search_needs_something_to_look_for() -> None:
    canary = Canary()
    with pytest.raises(ValueError, match="too short"):
        canary.remember("a pin", "1234")
    assert canary.search([("a", b"x" * 100)]) == ([], 1, 100)


def test_a_row_without_a_proof_is_not_proved() -> None:
    assert Outcome("M1", "").state == "failed"
    assert Outcome("M1", "", not_here=NotProvedHere("a", "b")).state == "not proved here"


def test_a_transcript_is_read_to_its_end() -> None:
    transcript = Transcript()
    transcript.add(proof := Proof("a", "b", "c", True))
    transcript.close()
    assert list(transcript.entries()) == [proof]
