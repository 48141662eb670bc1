"""M3: encrypted where it is made, so that the server never sees the plaintext."""

from typing import Any

from strongroom.client import EnvelopeClient, KmsCalls
from strongroom.tour.command_line import File
from strongroom.tour.encryption_sdk import open_with_sdk
from strongroom.tour.trail import count_calls
from strongroom.tour.visit import Visit

BUCKET = "client-side"


def show(visit: Visit) -> None:
    """Encrypt, store, fetch and decrypt a file; look at all that leaves the client; have others open it."""
    created = visit.aws("kms", "CreateKey", Description="client side", query="KeyMetadata.Arn")
    key_arn = created["KeyMetadata"]["Arn"]
    text = visit.canary.secret("file")
    visit.say(
        "A file is encrypted on this machine, under a data key that KMS makes; only what is encrypted is uploaded:"
    )
    (visit.folder / "plan.txt").write_text(text)
    visit.note(f"printf %s {text} > plan.txt")
    visit.strongroom("encrypt", "--key", key_arn, "--context", "purpose=tour", "plan.txt")
    visit.aws("s3", "CreateBucket", Bucket=BUCKET, query="Location")
    message = (visit.folder / "plan.txt.encrypted").read_bytes()
    _upload(visit, message)
    visit.strongroom("decrypt", "--output", "back.txt", "fetched.encrypted")
    visit.prove("the file comes back as it was", expected=text, seen=visit.cat("back.txt"))
    found, _, size = visit.canary.search([("the upload", message)])
    visit.prove(f"in the {size} bytes of the upload is no plaintext", expected=0, seen=len(found))
    asked = [call["eventName"] for call in reversed(count_calls(visit, "GenerateDataKey", key_arn).calls)]
    own = ["CreateKey", "DescribeKey"]
    visit.prove(
        "the server was asked for a data key, and to open it, and for nothing else",
        expected=["GenerateDataKey", "Decrypt"],
        seen=[name for name in asked if name not in own],
    )
    _in_python(visit, key_arn, text)
    elsewhere = open_with_sdk(visit, "plan.txt.encrypted")
    if elsewhere is not None:
        visit.prove("the AWS Encryption SDK opens the same file", expected=text, seen=elsewhere.plaintext.decode())
        visit.prove("and sees its context", expected="tour", seen=elsewhere.context.get("purpose"))
    visit.aws("kms", "DisableKey", KeyId=key_arn)
    printed = visit.strongroom("decrypt", "--output", "again.txt", "fetched.encrypted", status=None)
    visit.prove_that(
        "with the key disabled nobody opens it",
        "DisabledException" in printed,
        expected="DisabledException",
        seen=printed,
    )
    visit.prove("and no file is left behind", expected=False, seen=(visit.folder / "again.txt").exists())


def _upload(visit: Visit, message: bytes) -> None:
    target: dict[str, Any] = {"Bucket": BUCKET, "Key": "plan.encrypted"}
    visit.aws("s3", "PutObject", **target, Body=File("plan.txt.encrypted", message), query="ETag")
    visit.aws("s3", "GetObject", **target, outfile="fetched.encrypted", query="ContentLength")


def _in_python(visit: Visit, key_arn: str, text: str) -> None:
    visit.say("The same in Python, with every byte that the client sends written down:")
    sent: list[tuple[str, bytes]] = []
    session = visit.clients.new_session()
    session.events.register("before-send.*", lambda request, **_: sent.append(_as_sent(request)))
    lines = (
        f'client = strongroom.client.EnvelopeClient("{key_arn}")',
        'message = client.encrypt(text, {"purpose": "tour"})',
        "client.decrypt(message).plaintext",
    )
    with EnvelopeClient(key_arn, kms=KmsCalls(session)) as client:
        message = client.encrypt(text.encode(), {"purpose": "tour"})
        opened = bytes(client.decrypt(message).plaintext)
    visit.note("python\n" + "\n".join(f">>> {line}" for line in lines), repr(opened))
    visit.prove("it opens what it has encrypted", expected=text, seen=opened.decode())
    found, requests, size = visit.canary.search(sent)
    visit.prove_that(
        f"no plaintext in the {requests} requests ({size:,} bytes) that left it",
        requests == 2 and not found,
        expected="2 requests without plaintext",
        seen=f"{requests} requests, plaintext in {len(found)}",
    )


def _as_sent(request: Any) -> tuple[str, bytes]:
    body = request.body or b""
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
    return request.url, f"{request.url}\n{headers}\n".encode() + (
        body if isinstance(body, bytes) else str(body).encode()
    )
