"""Time-based one-time passwords, against the test vectors of RFC 6238, appendix B (the last six of its digits)."""

import pytest

from strongroom.crypto.one_time_password import (
    STEP_SECONDS,
    code_at,
    matching_pair,
    matching_step,
    new_seed,
    step_at,
)

SEED = b"12345678901234567890"
VECTORS = [
    (59, "287082"),
    (1_111_111_109, "081804"),
    (1_111_111_111, "050471"),
    (1_234_567_890, "005924"),
    (2_000_000_000, "279037"),
    (20_000_000_000, "353130"),
]


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_published_codes(seconds: int, code: str) -> None:
    assert code_at(SEED, step_at(seconds)) == code
    assert matching_step(SEED, code, seconds) == step_at(seconds)


def test_a_code_is_good_one_step_early_and_late_only() -> None:
    now = 1_234_567_890.0
    step = step_at(now)
    for offset, found in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        assert (matching_step(SEED, code_at(SEED, step + offset), now) == step + offset) is found


@pytest.mark.parametrize("odd", ["", "28708", "2870820", "28708x", "２８７０８２", "-28708", " 28708"])
def test_what_is_no_code(odd: str) -> None:
    assert matching_step(SEED, odd, 59) is None


def test_a_pair_is_of_two_steps_in_a_row() -> None:
    now = 1_234_567_890.0
    step = step_at(now)
    codes = {offset: code_at(SEED, step + offset) for offset in range(-3, 4)}
    assert matching_pair(SEED, codes[-1], codes[0], now) == step
    assert matching_pair(SEED, codes[-2], codes[-1], now) == step - 1
    assert matching_pair(SEED, codes[0], codes[1], now) == step + 1
    assert matching_pair(SEED, codes[0], codes[-1], now) is None
    assert matching_pair(SEED, codes[-1], codes[1], now) is None
    assert matching_pair(SEED, codes[0], codes[0], now) is None
    assert matching_pair(SEED, codes[-3], codes[-2], now) is None


def test_seeds_are_random_and_long() -> None:
    assert new_seed() != new_seed()
    assert len(new_seed()) == 40
    assert STEP_SECONDS == 30
