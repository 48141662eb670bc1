"""M8: a bucket policy that shuts plain HTTP out; and the one that looks alike, and lets everybody in."""

from typing import Any

from strongroom.tour.callers import NOBODY, Way
from strongroom.tour.command_line import File
from strongroom.tour.visit import NO_ERROR, Visit, statements

BUCKET = "forced-tls"
_NO_BLOCK = {
    "BlockPublicAcls": False,
    "IgnorePublicAcls": False,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": False,
}
_ANONYMOUS = Way(caller=NOBODY)
_PLAIN = Way(is_plain_http=True)


def show(visit: Visit) -> None:
    """Show that the Deny bites, that the Allow is a trap, who warns of it, and what stops it."""
    everything = {
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
    }
    deny = statements({"Effect": "Deny", **everything, "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    visit.aws("s3", "CreateBucket", Bucket=BUCKET, query="Location")
    note = File("note.txt", visit.canary.secret("note").encode())
    visit.aws("s3", "PutObject", Bucket=BUCKET, Key="note.txt", Body=note, query="ETag")
    target: dict[str, Any] = {"Bucket": BUCKET, "Key": "note.txt"}
    seen = visit.error_of("s3", "GetObject", **target, way=_PLAIN)
    visit.prove("without a policy, plain HTTP is let in", expected=NO_ERROR, seen=seen)
    visit.say("The policy that forces TLS is a Deny:")
    visit.aws("s3", "PutBucketPolicy", Bucket=BUCKET, Policy=File.of_json("deny.json", deny))
    seen = visit.error_of("s3", "GetObject", **target, way=_PLAIN)
    visit.prove("plain HTTP is shut out, for the root user too", expected="AccessDenied", seen=seen)
    seen = visit.error_of("s3", "GetObject", **target)
    visit.prove("HTTPS is let in", expected=NO_ERROR, seen=seen)
    _trap(visit)


def _trap(visit: Visit) -> None:
    target: dict[str, Any] = {"Bucket": BUCKET, "Key": "note.txt"}
    visit.say(
        "The trap: it may look as if this Allow said the same. It says that anybody on earth may read, over HTTPS."
    )
    trap = statements(
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
            "Condition": {"Bool": {"aws:SecureTransport": "true"}},
        }
    )
    policy = File.of_json("trap.json", trap)
    visit.make(policy)
    warned = visit.strongroom("policy", "check", "trap.json", status=None)
    visit.prove_that(
        "`strongroom policy check` warns of it",
        "error" in warned and "every" in warned.lower(),
        expected="an error",
        seen=warned,
    )
    seen = visit.error_of("s3", "PutBucketPolicy", Bucket=BUCKET, Policy=policy)
    visit.prove("a new bucket does not take a public policy", expected="AccessDenied", seen=seen)
    visit.say("Somebody who takes Block Public Access away gets what the policy says:")
    visit.aws("s3", "PutPublicAccessBlock", Bucket=BUCKET, PublicAccessBlockConfiguration=_NO_BLOCK)
    visit.aws("s3", "PutBucketPolicy", Bucket=BUCKET, Policy=policy)
    seen = visit.error_of("s3", "GetObject", **target, way=_ANONYMOUS)
    visit.prove("the trap: nobody in particular reads the object", expected=NO_ERROR, seen=seen)
    visit.aws(
        "s3",
        "PutPublicAccessBlock",
        Bucket=BUCKET,
        PublicAccessBlockConfiguration=_NO_BLOCK | {"RestrictPublicBuckets": True},
    )
    seen = visit.error_of("s3", "GetObject", **target, way=_ANONYMOUS)
    visit.prove("Block Public Access stops it", expected="AccessDenied", seen=seen)
