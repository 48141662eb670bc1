"""`strongroom decrypt`: what `strongroom encrypt` and the AWS Encryption SDKs have encrypted under KMS keys."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from strongroom.base.errors import OperatorError
from strongroom.cli.planned_files import A_FILE
from strongroom.cli.settings_variables import ON_COMMAND_LINE_ONLY
from strongroom.cli.store_options import StoreOptions

if TYPE_CHECKING:
    import io
    from collections.abc import Callable

    from strongroom.client.kms_calls import KmsCalls
    from strongroom.client.kms_keys import KmsKeys

MODE = 0o600
FRAME_BYTES_MAX = 64 * 1024 * 1024


def decrypt(
    *files: Annotated[Path, ON_COMMAND_LINE_ONLY, A_FILE],
    key: Annotated[list[str] | None, ON_COMMAND_LINE_ONLY, Parameter(negative="")] = None,
    context: Annotated[list[str] | None, ON_COMMAND_LINE_ONLY, Parameter(negative="")] = None,
    output: Annotated[Path | None, ON_COMMAND_LINE_ONLY, A_FILE] = None,
    inspect: Annotated[bool, ON_COMMAND_LINE_ONLY, Parameter(negative="")] = False,
    allow_uncommitted: Annotated[bool, ON_COMMAND_LINE_ONLY, Parameter(negative="")] = False,
    frame_bytes_max: Annotated[int, ON_COMMAND_LINE_ONLY] = FRAME_BYTES_MAX,
    force: Annotated[bool, ON_COMMAND_LINE_ONLY, Parameter(negative="")] = False,
    store: Annotated[StoreOptions | None, Parameter(name="*", show=False)] = None,
) -> None:
    """Decrypt files that `strongroom encrypt` or an AWS Encryption SDK has encrypted under KMS keys.

    A file appears when all of it is authentic. To standard output, frames go as they are authentic; when the end is
    not, the exit status tells. It is 1 when a file could not be decrypted; the others are. KMS is found as by encrypt.

    Parameters
    ----------
    files
        Files, folders (all files in them whose names end with .encrypted), or - for standard input. FILE.encrypted
        becomes FILE.
    key
        Id, ARN or alias of a KMS key that may be used; may be given several times. By default it is any that you have
        the permission for, of whatever account: name yours where it matters who wrote a file.
    context
        Pair that the encryption context must have (NAME=VALUE); may be given several times.
    output
        File or folder for the results; - is standard output.
    inspect
        Show what the files say of themselves, and decrypt nothing. Nothing of it has been authenticated.
    allow_uncommitted
        Accept messages without key commitment, as versions of the AWS Encryption SDKs before 2.0 made them.
    frame_bytes_max
        Largest frame, or largest body of one piece, that is accepted: so much is held in memory, up to four times.
    force
        Replace files that are there already.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from strongroom.cli.context_pairs import context_of
    from strongroom.cli.kms_connection import kms_calls
    from strongroom.cli.planned_files import DECRYPTING, planned
    from strongroom.cli.transfer import transfer
    from strongroom.client.data_key_cache import wipe
    from strongroom.client.errors import EnvelopeError
    from strongroom.client.messages.errors import MessageError
    from strongroom.client.messages.header_reader import ReadingRules
    from strongroom.client.messages.reader import MessageReader

    plan = planned(files, output, DECRYPTING)
    if inspect:
        from strongroom.cli.inspection import inspect_files

        inspect_files(plan)
        return
    try:
        rules = ReadingRules(frame_bytes_max=frame_bytes_max, requires_commitment=not allow_uncommitted)
    except ValueError as error:
        raise OperatorError(str(error)) from None
    required = context_of(context or [])
    calls = kms_calls(store or StoreOptions())
    keys = _keys(key, calls)

    def work(source: "io.FileIO", target: "io.FileIO", advance: "Callable[[int], None]") -> None:
        reader = MessageReader(source, rules)
        header = reader.header
        _check_context(header.encryption_context, required)
        materials = keys.decryption_materials(
            calls, header.suite, header.encrypted_data_keys, header.encryption_context
        )
        try:
            reader.write_to(target, materials, advance)
        finally:
            wipe(materials)

    failures = (MessageError, EnvelopeError, ClientError, BotoCoreError)
    transfer(plan, work, mode=MODE, replaces=force, failures=failures)


def _keys(names: list[str] | None, calls: "KmsCalls") -> "KmsKeys":
    """Return the keys that may be used: the named ones, or any of the partition that we are in."""
    from strongroom.client.kms_keys import Discovery, KmsKeys

    if not names:
        return KmsKeys(discovery=Discovery(partition=_partition(calls.default_region)))
    try:
        return KmsKeys(names)
    except ValueError as error:
        raise OperatorError(str(error)) from None


def _partition(region: str | None) -> str:
    import botocore.session
    from botocore.exceptions import UnknownRegionError

    try:
        return str(botocore.session.get_session().get_partition_for_region(region)) if region else "aws"
    except UnknownRegionError:
        return "aws"


def _check_context(found: Mapping[str, str], required: Mapping[str, str]) -> None:
    """Raise UnexpectedContext when a pair is missing. What the header claims is authenticated before it is used."""
    from strongroom.client.errors import UnexpectedContext

    for name, value in required.items():
        if found.get(name) != value:
            raise UnexpectedContext(f"the encryption context has no {name}={value}")
