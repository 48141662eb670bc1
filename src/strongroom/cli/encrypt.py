"""`strongroom encrypt`: files under KMS keys, encrypted on this machine."""

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

MODE = 0o666


def encrypt(
    *files: Annotated[Path, ON_COMMAND_LINE_ONLY, A_FILE],
    key: Annotated[list[str] | None, ON_COMMAND_LINE_ONLY, Parameter(negative="")] = None,
    context: Annotated[list[str] | None, ON_COMMAND_LINE_ONLY, Parameter(negative="")] = None,
    output: Annotated[Path | None, ON_COMMAND_LINE_ONLY, A_FILE] = None,
    signature: Annotated[bool, ON_COMMAND_LINE_ONLY] = True,
    force: Annotated[bool, ON_COMMAND_LINE_ONLY, Parameter(negative="")] = False,
    store: Annotated[StoreOptions | None, Parameter(name="*", show=False)] = None,
) -> None:
    """Encrypt files of any size under KMS keys. The plaintext stays on this machine.

    Each file gets a data key of its own, and becomes a message that `strongroom decrypt` and every AWS Encryption SDK
    open. KMS is found as AWS clients find it, by variables and profiles; without any, it is the Strongroom of this
    machine. The exit status is 1 when a file could not be encrypted; the others are, unless KMS is not reached.

    Parameters
    ----------
    files
        Files, folders with all in them that is not called .encrypted yet, or - for standard input. FILE becomes
        FILE.encrypted.
    key
        Id, ARN or alias of a KMS key; may be given several times: any one of the keys opens the files.
    context
        Pair of the encryption context (NAME=VALUE), authenticated and not secret; may be given several times.
    output
        File or folder for the results; - is standard output.
    signature
        Sign each file, so that who may only decrypt cannot have made it; --no-signature is quicker.
    force
        Replace files that are there already.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from strongroom.cli.context_pairs import context_of
    from strongroom.cli.kms_connection import kms_calls
    from strongroom.cli.planned_files import ENCRYPTING, STANDARD, planned
    from strongroom.cli.transfer import check_terminal, transfer
    from strongroom.client.data_key_cache import wipe
    from strongroom.client.errors import EnvelopeError
    from strongroom.client.kms_keys import KmsKeys
    from strongroom.client.messages.algorithm_suites import COMMITTING, COMMITTING_SIGNED
    from strongroom.client.messages.signature import signed_context
    from strongroom.client.messages.writer import write_message

    plan = planned(files, output, ENCRYPTING)
    check_terminal(plan, is_asked_for=output is STANDARD)
    pairs = context_of(context or [])
    suite = COMMITTING_SIGNED if signature else COMMITTING
    try:
        keys = KmsKeys(key or [])
        # With the key that verifies the signature it has to fit, too.
        signed_context(suite, pairs)
    except ValueError as error:
        raise OperatorError(str(error) if key else "name a KMS key with --key") from None
    calls = kms_calls(store or StoreOptions())

    def work(source: "io.FileIO", target: "io.FileIO", advance: "Callable[[int], None]") -> None:
        materials = keys.encryption_materials(calls, suite, pairs)
        try:
            write_message(materials, source, target, on_progress=advance)
        finally:
            wipe(materials)

    failures = (EnvelopeError, ClientError, BotoCoreError)
    transfer(plan, work, mode=MODE, replaces=force, failures=failures)
