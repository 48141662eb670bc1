"""M5: envelope encryption: a data key for the data, and the KMS key for the data key."""

import hashlib

from strongroom.tour.command_line import File
from strongroom.tour.encryption_sdk import open_with_sdk
from strongroom.tour.visit import NO_ERROR, Visit

FILE_BYTES = 16 * 1024 * 1024


def show(visit: Visit) -> None:
    """Show where Encrypt ends, what a data key is, and a file of any size encrypted with one."""
    created = visit.aws("kms", "CreateKey", Description="envelope", query="KeyMetadata.Arn")
    key_arn = created["KeyMetadata"]["Arn"]
    visit.say("Encrypt takes up to 4,096 bytes, and not one more:")
    for size, claim, expected in (
        (4_096, "4,096 bytes are encrypted", NO_ERROR),
        (4_097, "4,097 bytes are refused", "ValidationException"),
    ):
        big = File(f"{size}.bin", bytes(size))
        visit.note(f"head -c {size} /dev/zero > {big.name}")
        seen = visit.error_of("kms", "Encrypt", KeyId=key_arn, Plaintext=big, query="KeyId")
        visit.prove(claim, expected=expected, seen=seen)
    visit.say(
        "What is larger goes by a data key: once to encrypt with, and once encrypted, to be stored beside the data."
    )
    made = visit.aws("kms", "GenerateDataKey", KeyId=key_arn, KeySpec="AES_256", query="[Plaintext,CiphertextBlob]")
    visit.canary.remember("a data key", made["Plaintext"])
    blob = File("data-key.encrypted", made["CiphertextBlob"])
    visit.make(blob)
    opened = visit.aws("kms", "Decrypt", CiphertextBlob=blob, query="Plaintext")
    visit.prove_that(
        "only KMS opens an encrypted data key: 32 bytes, the same",
        opened["Plaintext"] == made["Plaintext"] and len(made["Plaintext"]) == 32,
        expected="the same 32 bytes",
        seen=f"{len(opened['Plaintext'])} bytes",
    )
    _file(visit, key_arn)


def _file(visit: Visit, key_arn: str) -> None:
    visit.say("`strongroom encrypt` does just that, for files of any size, in the format of the AWS Encryption SDK:")
    line = f"{visit.canary.secret('line')}\n".encode()
    content = (line * (FILE_BYTES // len(line) + 1))[:FILE_BYTES]
    (visit.folder / "big.txt").write_bytes(content)
    visit.note(f"yes {line.decode().strip()} | head -c {FILE_BYTES} > big.txt")
    visit.strongroom("encrypt", "--key", key_arn, "big.txt")
    inspected = visit.strongroom("decrypt", "--inspect", "big.txt.encrypted")
    visit.prove_that(
        "the file has the encrypted data key within", key_arn in inspected, expected=key_arn, seen=inspected
    )
    visit.strongroom("decrypt", "--output", "back.txt", "big.txt.encrypted")
    seen = hashlib.sha256((visit.folder / "back.txt").read_bytes()).hexdigest()
    visit.note("sha256sum back.txt", seen)
    visit.prove(
        f"{FILE_BYTES // 1_048_576} MiB come back, the same", expected=hashlib.sha256(content).hexdigest(), seen=seen
    )

    elsewhere = open_with_sdk(visit, "big.txt.encrypted")
    if elsewhere is not None:
        visit.prove_that(
            "the AWS Encryption SDK opens it, which demands key commitment",
            elsewhere.plaintext == content,
            expected=f"the same {FILE_BYTES:,} bytes",
            seen=f"{len(elsewhere.plaintext):,} bytes, {elsewhere.algorithm}",
        )
    message = bytearray((visit.folder / "big.txt.encrypted").read_bytes())
    message[len(message) // 2] ^= 1
    (visit.folder / "changed.encrypted").write_bytes(message)
    visit.say("One bit of it is turned:")
    printed = visit.strongroom("decrypt", "--output", "changed.txt", "changed.encrypted", status=None)
    visit.prove_that(
        "a changed file is refused",
        "is not what was written" in printed,
        expected="is not what was written",
        seen=printed,
    )
    visit.prove("and nothing of it is left behind", expected=False, seen=(visit.folder / "changed.txt").exists())
