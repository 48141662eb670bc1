"""M15: who you are, whether you may, what happened, and that it is all still there after a crash."""

import json
from typing import Any

from strongroom.tour.callers import NOBODY, Caller, Way
from strongroom.tour.command_line import File
from strongroom.tour.trail import calls_of_user
from strongroom.tour.visit import NO_ERROR, Visit, statements


def show(visit: Visit) -> None:
    """Have a request refused, explained, allowed by what the explanation says, and looked up; then kill the server."""
    key_arn = visit.aws("kms", "CreateKey", Description="guarded", query="KeyMetadata.Arn")["KeyMetadata"]["Arn"]
    note = File("note.txt", visit.canary.secret("note").encode())
    sealed = visit.aws("kms", "Encrypt", KeyId=key_arn, Plaintext=note, query="CiphertextBlob", save="note.encrypted")
    ciphertext = File("note.encrypted", sealed["CiphertextBlob"])
    _who(visit)
    visit.say("A user may do nothing, until somebody says so:")
    ann = visit.new_caller("ann")
    decrypt: dict[str, Any] = {"CiphertextBlob": ciphertext, "query": "KeyId"}
    seen = visit.error_of("kms", "Decrypt", way=Way(ann), **decrypt)
    visit.prove("a user without permission is denied", expected="AccessDeniedException", seen=seen)
    request_id, told = _looked_up(visit, ann)
    visit.prove("the audit trail has the denied call, by whom and why not", expected=["ann", "AccessDenied"], seen=told)
    _explained(visit, request_id)
    seen = visit.error_of("kms", "Decrypt", way=Way(ann), **decrypt)
    visit.prove("with the least change that `explain` names, and no other, she may", expected=NO_ERROR, seen=seen)
    _crash(visit, ann, ciphertext, note, request_id)


def _who(visit: Visit) -> None:
    visit.say(
        "Every request is signed by somebody known here. No credential works by magic, and none is no credential:"
    )
    root = visit.clients.root
    wrong = Caller("wrong", root.access_key_id, "a-wrong-secret-access-key-0123456789abcd")
    visit.note(wrong.shell_function())
    seen = visit.error_of("sts", "GetCallerIdentity", way=Way(wrong))
    visit.prove("a wrong secret is refused", expected="SignatureDoesNotMatch", seen=seen)
    stranger = Caller("stranger", "test", "test")
    visit.note(stranger.shell_function())
    seen = visit.error_of("sts", "GetCallerIdentity", way=Way(stranger))
    visit.prove("an access key that nobody has is refused", expected="InvalidClientTokenId", seen=seen)
    seen = visit.error_of("kms", "ListKeys", way=Way(NOBODY))
    visit.prove("no signature is refused", expected="MissingAuthenticationTokenException", seen=seen)


def _looked_up(visit: Visit, ann: Caller) -> tuple[str, list[str]]:
    """Return the id of Ann's denied request, and by whom it was and why not, as the audit trail has it."""
    call = calls_of_user(visit, ann.name, "Decrypt")[0]
    shown = {name: call[name] for name in ("eventName", "errorCode", "requestID", "sourceIPAddress") if name in call}
    visit.note(
        f"aws cloudtrail lookup-events --lookup-attributes AttributeKey=Username,AttributeValue={ann.name} \\\n"
        "    --query 'Events[0].CloudTrailEvent' --output text | jq '{eventName,errorCode,requestID,sourceIPAddress}'",
        json.dumps(shown, indent=2),
    )
    return str(call["requestID"]), [str(call["userIdentity"].get("userName")), str(call.get("errorCode", "none"))]


def _explained(visit: Visit, request_id: str) -> None:
    visit.say("Why was it denied?")
    printed = visit.strongroom("explain", request_id)
    visit.prove_that(
        "`strongroom explain` says why", "implicit deny" in printed, expected="an implicit deny", seen=printed
    )
    # As a person would copy it.
    statement = json.loads(printed[printed.index("{", printed.index("The least change")) : printed.rindex("}") + 1])
    policy = File.of_json("least.json", statements(statement))
    visit.aws("iam", "PutUserPolicy", UserName="ann", PolicyName="least", PolicyDocument=policy)


def _crash(visit: Visit, ann: Caller, ciphertext: File, note: File, request_id: str) -> None:
    visit.say("Now the power fails: the server is killed, with no time to tidy up, and started again.")
    process_id = visit.served.kill()
    visit.note(f"kill -9 {process_id}")
    visit.served.start()
    visit.note(visit.served.command, f"ready https={visit.served.https} http={visit.served.http}")
    opened = visit.aws("kms", "Decrypt", CiphertextBlob=ciphertext, query="Plaintext", way=Way(ann))
    visit.prove(
        "Ann's key, her permission and the KMS key are there: the ciphertext opens",
        expected=note.content.decode(),
        seen=opened["Plaintext"].decode(),
    )
    calls = calls_of_user(visit, ann.name, "Decrypt")
    known = [call.get("errorCode", "none") for call in calls if call["requestID"] == request_id]
    visit.prove("and her denied request is on record", expected=["AccessDenied"], seen=known)
