"""M9: a bucket policy with two Denies, by which nothing but SSE-KMS gets in."""

from typing import Any

from strongroom.tour.command_line import File
from strongroom.tour.visit import NO_ERROR, Visit, statements

BUCKET = "forced-kms"
_HEADER = "s3:x-amz-server-side-encryption"


def show(visit: Visit) -> None:
    """Show that both Denies bite, on every way to write, and that the well-formed request passes."""
    put = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    other = {"StringNotEquals": {_HEADER: "aws:kms"}, "Null": {_HEADER: "false"}}
    policy = statements({**put, "Condition": other}, {**put, "Condition": {"Null": {_HEADER: "true"}}})
    visit.aws("s3", "CreateBucket", Bucket=BUCKET, query="Location")
    note = File("note.txt", visit.canary.secret("note").encode())
    visit.aws("s3", "PutObject", Bucket=BUCKET, Key="source", Body=note, query="ServerSideEncryption")
    visit.aws("s3", "PutBucketPolicy", Bucket=BUCKET, Policy=File.of_json("two-denies.json", policy))
    target: dict[str, Any] = {"Bucket": BUCKET, "Key": "note.txt"}
    ways: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("PutObject", "put", {"Body": note}),
        ("CreateMultipartUpload", "multipart upload", {}),
        ("CopyObject", "copy", {"CopySource": f"{BUCKET}/source"}),
    )
    for operation, name, more in ways:
        visit.say(f"By a {name}:")
        seen = visit.error_of("s3", operation, **target, **more, ServerSideEncryption="AES256")
        visit.prove(f"{name}: another encryption is denied", expected="AccessDenied", seen=seen)
        seen = visit.error_of("s3", operation, **target, **more)
        visit.prove(f"{name}: no encryption header is denied", expected="AccessDenied", seen=seen)
        seen = visit.error_of("s3", operation, **target, **more, ServerSideEncryption="aws:kms")
        visit.prove(f"{name}: aws:kms passes", expected=NO_ERROR, seen=seen)
