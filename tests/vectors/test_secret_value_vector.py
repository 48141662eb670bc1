"""The stored form of a secret value, as docs/formats.md has it."""

import re
from pathlib import Path

import pytest

from strongroom.base.clock import as_datetime
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.services.secretsmanager.sealing import Value, decrypted, encrypted
from strongroom.services.secretsmanager.secret import STRING, Version
from strongroom.services.secretsmanager.secret_directory import encryption_context, place_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats.md"
BLOCK = re.search(r"^```vector-secret-value\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
assert BLOCK is not None
FIELDS = dict(line.split(": ", 1) for line in BLOCK[1].splitlines())
DATA_KEY, PLACE, STORED = (bytes.fromhex(FIELDS[name][2:]) for name in ("data key", "place", "stored"))
VALUE = Value(STRING, FIELDS["text"].encode())


def version(stored: bytes) -> Version:
    """Return a version with this stored value."""
    arn, version_id = FIELDS["arn"], FIELDS["version id"]
    context = encryption_context(arn, version_id)
    return Version(version_id, STRING, stored, b"", "", False, (), as_datetime(0.0), context, PLACE)


def test_a_value_is_stored_as_documented() -> None:
    assert place_of(FIELDS["arn"], FIELDS["version id"], STRING) == PLACE
    assert encrypted(DATA_KEY, VALUE, PLACE) == STORED
    assert decrypted(DATA_KEY, version(STORED)) == VALUE


@pytest.mark.parametrize("at", [0, 2, 3, 4, len(STORED) - 1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    changed = bytearray(STORED)
    changed[at] ^= 1
    with pytest.raises(AuthenticationFailed):
        decrypted(DATA_KEY, version(bytes(changed)))
