"""Keys from passphrases: Argon2id, version 0x13 (RFC 9106), with parameters that are recorded and bounded.

Recorded parameters come back from a place that others may write to. The upper bounds keep them from exhausting the
machine; the lower ones keep them from making the derivation cheap, which would help who sees anything derived.
"""

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from strongroom.crypto.random import new_salt

KEY_BYTES = 32
SALT_BYTES_MIN, SALT_BYTES_MAX = 16, 64
MEMORY_KIB_MIN, MEMORY_KIB_MAX = 19 * 1024, 2 * 1024 * 1024
ITERATIONS_MAX = 32
LANES_MAX = 16
PASSPHRASE_BYTES_MAX = 4096
PARAMETERS_CHARACTERS_MAX = 200

# 38 MiB written in all is the least that the OWASP Password Storage Cheat Sheet finds acceptable (19 MiB, twice).
WORK_KIB_MIN = 2 * MEMORY_KIB_MIN

# RFC 9106, section 4, the second recommended option: what a small machine can spare.
_DEFAULT_MEMORY_KIB = 64 * 1024
_DEFAULT_ITERATIONS = 3
_DEFAULT_LANES = 4

_TEXT = re.compile(
    r"\$argon2id\$v=19\$m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,4}),p=([1-9][0-9]{0,4})\$([A-Za-z0-9+/]+)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Argon2idParameters:
    """The public parameters of one derivation: salt, memory in KiB, number of passes, number of lanes.

    Raises ValueError for values outside this module's bounds.
    """

    salt: bytes
    memory_kib: int = _DEFAULT_MEMORY_KIB
    iterations: int = _DEFAULT_ITERATIONS
    lanes: int = _DEFAULT_LANES

    def __post_init__(self) -> None:
        _require("salt", len(self.salt), SALT_BYTES_MIN, SALT_BYTES_MAX, "bytes")
        _require("memory", self.memory_kib, MEMORY_KIB_MIN, MEMORY_KIB_MAX, "KiB")
        _require("number of iterations", self.iterations, 1, ITERATIONS_MAX, "passes")
        _require("number of lanes", self.lanes, 1, LANES_MAX, "lanes")
        if self.memory_kib * self.iterations < WORK_KIB_MIN:
            raise ValueError(f"Argon2id: memory times iterations must be at least {WORK_KIB_MIN} KiB")

    @classmethod
    def new(cls) -> "Argon2idParameters":
        """Return the default parameters (64 MiB, 3 passes, 4 lanes) with a fresh salt."""
        return cls(new_salt())

    @classmethod
    def parse(cls, text: str) -> "Argon2idParameters":
        """Return the parameters that `str()` wrote. Raises ValueError for other text or values out of bounds."""
        match = _TEXT.fullmatch(text) if len(text) <= PARAMETERS_CHARACTERS_MAX else None
        if match is None:
            raise ValueError("these are not Argon2id parameters ($argon2id$v=19$m=...,t=...,p=...$salt)")
        memory_kib, iterations, lanes, salt = match.groups()
        parameters = cls(_unpadded_base64(salt), int(memory_kib), int(iterations), int(lanes))
        if str(parameters) != text:
            raise ValueError("these Argon2id parameters are not in their one canonical form")
        return parameters

    def __str__(self) -> str:
        """Return the parameters as the PHC string format writes them: `$argon2id$v=19$m=65536,t=3,p=4$<salt>`."""
        salt = base64.b64encode(self.salt).decode().rstrip("=")
        return f"$argon2id$v=19$m={self.memory_kib},t={self.iterations},p={self.lanes}${salt}"


def derive_key(passphrase: str, parameters: Argon2idParameters) -> bytes:
    """Return the 32-byte key of a passphrase; it takes about a tenth of a second at the default parameters.

    The passphrase is taken in Unicode normalisation form C, as UTF-8, so that the same characters typed on another
    system give the same key (RFC 8265, section 4.2.2). Raises ValueError when it is empty, longer than
    `PASSPHRASE_BYTES_MAX` or not valid Unicode, MemoryError when the machine lacks the memory.
    """
    try:
        secret = unicodedata.normalize("NFC", passphrase).encode()
    except UnicodeEncodeError:
        raise ValueError("a passphrase is valid Unicode text") from None
    if not 0 < len(secret) <= PASSPHRASE_BYTES_MAX:
        raise ValueError(f"a passphrase has 1 to {PASSPHRASE_BYTES_MAX} bytes")
    return Argon2id(
        salt=parameters.salt,
        length=KEY_BYTES,
        iterations=parameters.iterations,
        lanes=parameters.lanes,
        memory_cost=parameters.memory_kib,
    ).derive(secret)


def _require(what: str, value: int, least: int, most: int, unit: str) -> None:
    if not least <= value <= most:
        raise ValueError(f"Argon2id: the {what} must be {least} to {most} {unit}, not {value}")


def _unpadded_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise ValueError("the salt of these Argon2id parameters is not base64") from None
