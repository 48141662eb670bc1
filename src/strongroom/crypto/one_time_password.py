"""Time-based one-time passwords: six digits that change every 30 seconds (RFC 6238 over HMAC-SHA-1, RFC 4226)."""

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from strongroom.crypto.random import random_bytes

STEP_SECONDS = 30
DIGITS = 6
SEED_BYTES = 40
DRIFT_STEPS_MAX = 1


def new_seed() -> bytes:
    """Return a fresh seed of 40 random bytes, which base32 writes as 64 characters without padding."""
    return random_bytes(SEED_BYTES)


def step_at(now: float) -> int:
    """Return the number of the time step that `now` (seconds since the epoch) is in. Source: RFC 6238, section 4.2."""
    return int(now // STEP_SECONDS)


def code_at(seed: bytes, step: int) -> str:
    """Return the code of one time step, six digits. Raises ValueError for a seed below 16 bytes."""
    return _hotp(seed).generate(step).decode("ascii")


def matching_step(seed: bytes, code: str, now: float, drift_steps_max: int = DRIFT_STEPS_MAX) -> int | None:
    """Return the time step that `code` is of, at most `drift_steps_max` away from `now`, or None for a wrong code.

    Whoever accepts a code must note its step and accept none of it, nor of an earlier one, again (RFC 6238, section
    5.2).
    """
    if not (len(code) == DIGITS and code.isascii() and code.isdigit()):
        return None
    here = step_at(now)
    # The newest first: of two steps with the same code the later one is the safer one to use up.
    for step in range(here + drift_steps_max, here - drift_steps_max - 1, -1):
        if step >= 0 and _is_code_of(seed, step, code):
            return step
    return None


def matching_pair(
    seed: bytes, first: str, second: str, now: float, drift_steps_max: int = DRIFT_STEPS_MAX
) -> int | None:
    """Return the step of `second` when the codes are of two time steps in a row, about `now`; None otherwise."""
    step = matching_step(seed, second, now, drift_steps_max)
    return step if step is not None and step > 0 and _is_code_of(seed, step - 1, first) else None


def _is_code_of(seed: bytes, step: int, code: str) -> bool:
    try:
        _hotp(seed).verify(code.encode(), step)
    except InvalidToken:
        return False
    return True


def _hotp(seed: bytes) -> HOTP:
    # SHA-1 is what authenticator apps and AWS use; HMAC does not rest on its resistance to collisions.
    return HOTP(seed, DIGITS, SHA1())  # noqa: S303
