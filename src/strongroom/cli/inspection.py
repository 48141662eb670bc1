"""What encrypted files say of themselves, for people."""

import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from strongroom.cli.planned_files import STANDARD, Plan, PlannedFile
from strongroom.cli.transfer import descriptor_of

if TYPE_CHECKING:
    from strongroom.client.messages.encrypted_data_key import EncryptedDataKey
    from strongroom.client.messages.header import MessageHeader

FAILED = 1


def inspect_files(plan: Plan) -> None:
    """Print the header of each file, and exit with status 1 when one has none. Calls nobody."""
    from strongroom.client.messages.errors import MessageError
    from strongroom.policy_check.listing import printable

    failed = False
    for file in plan.files:
        try:
            header = _header(file)
        except (OSError, MessageError) as error:
            told = error.strerror if isinstance(error, OSError) else error
            print(printable(f"strongroom: {file.source}: {told}"), file=sys.stderr)
            failed = True
        else:
            for line in _lines(str(file.source), header):
                print(printable(line))
    if failed:
        sys.exit(FAILED)


def _header(file: PlannedFile) -> "MessageHeader":
    from strongroom.client.messages.header_reader import ReadingRules, read_header
    from strongroom.crypto.counted_aead import PART_BYTES_MAX

    rules = ReadingRules(frame_bytes_max=PART_BYTES_MAX, encrypted_data_keys_max=0xFFFF, requires_commitment=False)
    if file.source is STANDARD:
        raw = io.FileIO(descriptor_of(sys.stdin), "rb", closefd=False)
    else:
        raw = io.FileIO(os.open(file.source, os.O_RDONLY | os.O_CLOEXEC), "rb")
    with io.BufferedReader(raw) as source:
        return read_header(source, rules)


def _lines(name: str, header: "MessageHeader") -> Iterator[str]:
    yield f"{name} (not authenticated: anybody may have written this)"
    yield f"  message format      version {header.version}, id {header.message_id.hex()}"
    yield f"  algorithm suite     {header.suite}"
    yield "  body                " + (f"frames of {header.frame_bytes:,} bytes" if header.is_framed else "in one piece")
    for pair_name, value in sorted(header.encryption_context.items()):
        yield f"  encryption context  {pair_name}={value}"
    for key in header.encrypted_data_keys:
        yield f"  encrypted data key  {_key_words(key)}"


def _key_words(key: "EncryptedDataKey") -> str:
    if key.kms_key_arn is not None:
        return key.kms_key_arn
    return f"{key.provider_id}: {key.provider_info.decode(errors='backslashreplace')}"
