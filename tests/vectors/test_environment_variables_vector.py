"""The stored form of environment variables, as docs/formats.md has it."""

import json
import re
from pathlib import Path

import pytest

from strongroom.crypto.aead import AuthenticationFailed
from strongroom.services.lambda_.encrypted_variables import decrypted, encrypted

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats.md"
BLOCK = re.search(r"^```vector-environment-variables\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
assert BLOCK is not None
FIELDS = dict(line.split(": ", 1) for line in BLOCK[1].splitlines())
DATA_KEY, STORED = (bytes.fromhex(FIELDS[name][2:]) for name in ("data key", "stored"))
ARN, VARIABLES = FIELDS["arn"], json.loads(FIELDS["variables"])


def test_variables_are_stored_as_documented() -> None:
    assert encrypted(DATA_KEY, VARIABLES, ARN) == STORED
    assert decrypted(DATA_KEY, STORED, ARN) == VARIABLES


@pytest.mark.parametrize("at", [0, 2, 3, 4, len(STORED) - 1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    changed = bytearray(STORED)
    changed[at] ^= 1
    with pytest.raises(AuthenticationFailed):
        decrypted(DATA_KEY, bytes(changed), ARN)


def test_another_functions_variables_do_not_open() -> None:
    with pytest.raises(AuthenticationFailed):
        decrypted(DATA_KEY, STORED, f"{ARN}-other")
