"""M7: objects under S3's keys, under KMS keys (once and twice), under the caller's own key; and from one to another."""

import secrets
from typing import Any

from strongroom.tour.command_line import File
from strongroom.tour.visit import NO_ERROR, Visit

BUCKET = "four-ways"


def show(visit: Visit) -> None:
    """Show what each kind of server-side encryption answers, what opens the object, and what does not."""
    note = File("note.txt", visit.canary.secret("object").encode())
    visit.aws("s3", "CreateBucket", Bucket=BUCKET, query="Location")
    made = visit.aws("kms", "CreateKey", Description="objects", query="KeyMetadata.Arn")["KeyMetadata"]
    visit.say("1. Under keys of S3's own: the default of every bucket.")
    seen = visit.aws("s3", "PutObject", Bucket=BUCKET, Key="s3", Body=note, query="ServerSideEncryption")
    visit.prove("SSE-S3 without asking", expected="AES256", seen=seen["ServerSideEncryption"])
    _under_kms(visit, note, made["Arn"])
    _under_own_key(visit, note)

    visit.say("From one to another, in place: the object's bytes are not written anew.")
    wanted = {"SSEKMS": {"KMSKeyArn": made["Arn"]}}
    visit.aws("s3", "UpdateObjectEncryption", Bucket=BUCKET, Key="s3", ObjectEncryption=wanted)
    seen = visit.aws("s3", "HeadObject", Bucket=BUCKET, Key="s3", query="[ServerSideEncryption,SSEKMSKeyId]")
    visit.prove(
        "its encryption is another",
        expected=["aws:kms", made["Arn"]],
        seen=[seen["ServerSideEncryption"], seen["SSEKMSKeyId"]],
    )
    body = visit.aws(
        "s3", "GetObject", Bucket=BUCKET, Key="s3", Range="bytes=0-5", outfile="head", query="ContentRange"
    )
    visit.prove("a range of it opens", expected="object", seen=body["Body"].decode())


def _under_kms(visit: Visit, note: File, key_arn: str) -> None:
    visit.say(
        "2. Under a KMS key, once (SSE-KMS) or in two independent layers (DSSE-KMS): who disables the key shuts the "
        "objects."
    )
    for kind in ("aws:kms", "aws:kms:dsse"):
        answer = visit.aws(
            "s3",
            "PutObject",
            Bucket=BUCKET,
            Key=kind,
            Body=note,
            ServerSideEncryption=kind,
            SSEKMSKeyId=key_arn,
            query="[ServerSideEncryption,SSEKMSKeyId]",
        )
        visit.prove(
            f"{kind} under the key",
            expected=[kind, key_arn],
            seen=[answer["ServerSideEncryption"], answer["SSEKMSKeyId"]],
        )
    visit.aws("kms", "DisableKey", KeyId=key_arn)
    for kind in ("aws:kms", "aws:kms:dsse"):
        seen = visit.error_of("s3", "GetObject", Bucket=BUCKET, Key=kind)
        visit.prove(f"disabled key: the {kind} object is shut", expected="KMS.DisabledException", seen=seen)
    visit.aws("kms", "EnableKey", KeyId=key_arn)
    seen = visit.error_of("s3", "GetObject", Bucket=BUCKET, Key="aws:kms")
    visit.prove("enabled again: it is open", expected=NO_ERROR, seen=seen)


def _under_own_key(visit: Visit, note: File) -> None:
    visit.say("3. Under a key that the caller sends along and the server never stores (SSE-C). New buckets block it:")
    key, wrong = (File(name, secrets.token_hex(16).encode()) for name in ("own.key", "wrong.key"))
    visit.canary.remember("the caller's own key", key.content)
    own: dict[str, Any] = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
    seen = visit.error_of("s3", "PutObject", Bucket=BUCKET, Key="own", Body=note, **own)
    visit.prove("SSE-C is blocked by default", expected="AccessDenied", seen=seen)
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BlockedEncryptionTypes": {"EncryptionType": ["NONE"]},
    }
    visit.aws("s3", "PutBucketEncryption", Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    answer = visit.aws("s3", "PutObject", Bucket=BUCKET, Key="own", Body=note, **own, query="SSECustomerAlgorithm")
    visit.prove("unblocked, it is taken", expected="AES256", seen=answer["SSECustomerAlgorithm"])
    seen = visit.error_of("s3", "GetObject", Bucket=BUCKET, Key="own")
    visit.prove("without the key it does not open", expected="InvalidRequest", seen=seen)
    seen = visit.error_of("s3", "GetObject", Bucket=BUCKET, Key="own", **own | {"SSECustomerKey": wrong})
    visit.prove("with another key it does not open", expected="AccessDenied", seen=seen)
    body = visit.aws(
        "s3", "GetObject", Bucket=BUCKET, Key="own", **own, outfile="own.txt", query="SSECustomerAlgorithm"
    )
    visit.prove("with the key it does", expected=note.content.decode(), seen=body["Body"].decode())
