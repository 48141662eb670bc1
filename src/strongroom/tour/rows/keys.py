"""M4: the life of a KMS key: contexts, rotation, disabling, deletion, and a public key that works without KMS."""

import json
from typing import Any

from strongroom.tour.command_line import File
from strongroom.tour.machine import has_program
from strongroom.tour.visit import NO_ERROR, Visit

_OAEP = ("rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256")


def show(visit: Visit) -> None:
    """Show what a key does, and what it refuses, from its making to its deletion."""
    key_id = visit.aws("kms", "CreateKey", Description="a key", query="KeyMetadata.KeyId")["KeyMetadata"]["KeyId"]
    note = File("note.txt", visit.canary.secret("note").encode())
    context = {"project": "apollo"}
    first = _encrypted(visit, key_id, note, context, "first.encrypted")
    seen = visit.error_of(
        "kms", "Decrypt", CiphertextBlob=first, EncryptionContext={"project": "gemini"}, query="KeyId"
    )
    visit.prove("another encryption context opens nothing", expected="InvalidCiphertextException", seen=seen)
    visit.say("Rotated on demand, the key has new material; what was encrypted under the old one stays readable:")
    visit.aws("kms", "RotateKeyOnDemand", KeyId=key_id, query="KeyId")
    second = _encrypted(visit, key_id, note, context, "second.encrypted")
    listed = visit.aws(
        "kms",
        "ListKeyRotations",
        KeyId=key_id,
        IncludeKeyMaterial="ALL_KEY_MATERIAL",
        query="Rotations[].KeyMaterialState",
    )
    visit.prove_that(
        "it has two materials now",
        len(listed["Rotations"]) == 2,
        expected="two",
        seen=json.dumps(listed["Rotations"], default=str),
    )
    for ciphertext, name in ((first, "older"), (second, "newer")):
        opened = visit.aws("kms", "Decrypt", CiphertextBlob=ciphertext, EncryptionContext=context, query="Plaintext")
        visit.prove(f"the {name} ciphertext opens", expected=note.content.decode(), seen=opened["Plaintext"].decode())
    _refusals(visit, key_id, first, context)
    _outside(visit, note)


def _encrypted(visit: Visit, key_id: str, note: File, context: dict[str, str], name: str) -> File:
    answer = visit.aws(
        "kms", "Encrypt", KeyId=key_id, Plaintext=note, EncryptionContext=context, query="CiphertextBlob", save=name
    )
    return File(name, answer["CiphertextBlob"])


def _refusals(visit: Visit, key_id: str, ciphertext: File, context: dict[str, str]) -> None:
    decrypt: dict[str, Any] = {"CiphertextBlob": ciphertext, "EncryptionContext": context}
    visit.say("Disabled, it refuses at once; and so it does while it waits to be deleted:")
    name, value = "under-the-key", visit.canary.secret("secret")
    visit.aws("secretsmanager", "CreateSecret", Name=name, KmsKeyId=key_id, SecretString=value, query="Name")
    visit.aws("kms", "DisableKey", KeyId=key_id)
    seen = visit.error_of("secretsmanager", "GetSecretValue", SecretId=name)
    visit.prove("a secret under a disabled key is unreadable", expected="DecryptionFailure", seen=seen)
    visit.prove(
        "a disabled key refuses", expected="DisabledException", seen=visit.error_of("kms", "Decrypt", **decrypt)
    )
    visit.aws("kms", "EnableKey", KeyId=key_id)
    told = visit.aws("secretsmanager", "GetSecretValue", SecretId=name, query="SecretString")["SecretString"]
    visit.prove("enabled, the key gives it back", expected=value, seen=told)
    visit.aws("kms", "ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7, query="KeyState")
    seen = visit.error_of("kms", "Decrypt", **decrypt)
    visit.prove("a key that is to be deleted refuses", expected="KMSInvalidStateException", seen=seen)
    visit.aws("kms", "CancelKeyDeletion", KeyId=key_id, query="KeyId")
    visit.aws("kms", "EnableKey", KeyId=key_id)
    seen = visit.error_of("kms", "Decrypt", **decrypt, query="KeyId")
    visit.prove("cancelled and enabled, it works again", expected=NO_ERROR, seen=seen)


def _outside(visit: Visit, note: File) -> None:
    visit.say("Asymmetric keys: whoever has the public key needs no KMS, and no credentials.")
    if not has_program("openssl"):
        visit.leave_out("that OpenSSL verifies and encrypts with a public key (apt-get install openssl)")
        return
    key_id = _pair(visit, "ECC_NIST_P256", "SIGN_VERIFY", "signing.der")
    visit.aws(
        "kms",
        "Sign",
        KeyId=key_id,
        Message=note,
        MessageType="RAW",
        SigningAlgorithm="ECDSA_SHA_256",
        query="Signature",
        save="note.signature",
    )
    verify = ("openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", "signing.der", "-signature", "note.signature")
    done = visit.program(*verify, "note.txt")
    visit.prove("OpenSSL verifies what KMS has signed", expected="Verified OK", seen=done.stdout.strip())
    (visit.folder / "forged.txt").write_bytes(note.content + b".")
    visit.note("(cat note.txt; printf .) > forged.txt")
    done = visit.program(*verify, "forged.txt")
    visit.prove("and refuses another text", expected=1, seen=done.returncode)

    key_id = _pair(visit, "RSA_2048", "ENCRYPT_DECRYPT", "encrypting.der")
    options = [word for option in _OAEP for word in ("-pkeyopt", option)]
    command = ["openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", "encrypting.der", "-keyform", "DER", *options]
    visit.program(*command, "-in", "note.txt", "-out", "note.encrypted")
    sealed = File("note.encrypted", (visit.folder / "note.encrypted").read_bytes())
    opened = visit.aws(
        "kms",
        "Decrypt",
        KeyId=key_id,
        CiphertextBlob=sealed,
        EncryptionAlgorithm="RSAES_OAEP_SHA_256",
        query="Plaintext",
    )
    visit.prove(
        "KMS opens what OpenSSL has encrypted", expected=note.content.decode(), seen=opened["Plaintext"].decode()
    )


def _pair(visit: Visit, spec: str, usage: str, file: str) -> str:
    made = visit.aws("kms", "CreateKey", KeySpec=spec, KeyUsage=usage, query="KeyMetadata.KeyId")
    key_id: str = made["KeyMetadata"]["KeyId"]
    visit.aws("kms", "GetPublicKey", KeyId=key_id, query="PublicKey", save=file)
    return key_id
