"""The AWS Encryption SDK, where it is installed: it opens what ours has written."""

from collections.abc import Mapping
from typing import NamedTuple

from strongroom.tour.machine import has_module
from strongroom.tour.visit import Visit

_SHOWN_CHARACTERS_MAX = 80


class Opened(NamedTuple):
    """A message, opened: its plaintext, its encryption context and its algorithm suite."""

    plaintext: bytes
    context: Mapping[str, str]
    algorithm: str


def open_with_sdk(visit: Visit, file: str) -> Opened | None:
    """Open a message in the folder with the SDK's own code, and show how; None, having said so, where it is absent."""
    if not has_module("aws_encryption_sdk"):
        visit.leave_out("that the AWS Encryption SDK opens it (pip install aws-encryption-sdk)")
        return None
    from aws_encryption_sdk import CommitmentPolicy, DiscoveryAwsKmsMasterKeyProvider, EncryptionSDKClient

    sdk = EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
    provider = DiscoveryAwsKmsMasterKeyProvider(botocore_session=visit.clients.new_session()._session)
    plaintext, header = sdk.decrypt(source=(visit.folder / file).read_bytes(), key_provider=provider)
    shown = repr(plaintext) if len(plaintext) <= _SHOWN_CHARACTERS_MAX else f"(its {len(plaintext):,} bytes)"
    visit.note(
        f'python\n>>> from aws_encryption_sdk import *\n>>> message = open("{file}", "rb")\n'
        ">>> EncryptionSDKClient().decrypt(source=message, key_provider=DiscoveryAwsKmsMasterKeyProvider())[0]",
        shown,
    )
    return Opened(plaintext, header.encryption_context, header.algorithm.name)
