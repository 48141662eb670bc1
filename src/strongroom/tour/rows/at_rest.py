"""M2: a secret through every service, and the search for it in every stored byte; once more when the tour is over."""

import io
import json
import stat
import time
import zipfile

from strongroom.tour.canary import Finding
from strongroom.tour.command_line import File
from strongroom.tour.machine import PYTHON_RUNTIME, SANDBOX_REMEDY, why_no_sandbox
from strongroom.tour.visit import Visit, statements

_GROUP = "/tour/at-rest"


def show(visit: Visit) -> None:
    """Store a secret in every service, look for it where the server keeps its data, and where its root key is."""
    word = visit.canary.word
    visit.say(f"The word {word} goes through every service that keeps something:")
    _store(visit)
    _store_function(visit)
    visit.say("All of it is there, and comes back. Now a look at every byte that the server has written:")
    told = visit.aws("secretsmanager", "GetSecretValue", SecretId="at-rest", query="SecretString")["SecretString"]
    visit.prove_that("the secret comes back", word in told, expected=word, seen=told)
    home = visit.served.home
    found, files, size = visit.canary.search(visit.premises.stored())
    visit.note(f"grep -rF {word} {home}", is_refused=True)
    visit.prove_that(
        f"{files:,} files, {size:,} bytes: no secret as it is, in Base64, in hexadecimal or reversed",
        not found and files > 3,
        expected="no secret in the clear",
        seen=_words(found) or "none",
    )
    planted = f"...{json.dumps({'SecretString': told})}...".encode()
    seen = len(visit.canary.search([("planted", planted)])[0])
    visit.prove_that("the search finds what is planted for it", seen > 0, expected="found", seen=f"found {seen} times")

    visit.say("What opens the data is the root key. It is kept apart from them, and is its owner's alone:")
    key = visit.served.root_key_file
    mode = stat.filemode(key.stat().st_mode)
    visit.note(f"ls -l {key}", mode)
    visit.prove("the root key's file is for its owner only", expected="-rw-------", seen=mode)
    visit.prove("it is not among the data", expected=False, seen=visit.served.data in key.parents)


def search_everything(visit: Visit) -> None:
    """Search all that the tour has left: once while the servers run, once more when they have stopped."""
    visit.say(
        "Everything that was stored: databases with their write-ahead logs, objects, temporary files, logs; of every "
        "server and every PostgreSQL of this tour."
    )
    for when in ("while the servers run", "when they have stopped"):
        found, files, size = visit.canary.search(visit.premises.stored())
        visit.note(f"grep -rF {visit.canary.word} {visit.premises.home}", is_refused=True)
        visit.prove_that(
            f"nothing lies in the clear {when}: {files:,} files, {size:,} bytes",
            not found and files > 3,
            expected="no secret in the clear",
            seen=_words(found) or "none",
        )
        visit.premises.stop_servers()


def _words(found: list[Finding]) -> str:
    return "; ".join(f"{each.secret} {each.form} in {each.file}" for each in found[:5])


def _store(visit: Visit) -> None:
    canary = visit.canary
    key = visit.aws("kms", "CreateKey", Description="at rest", query="KeyMetadata.KeyId")["KeyMetadata"]["KeyId"]
    visit.aws("kms", "CreateAlias", AliasName="alias/at-rest", TargetKeyId=key)
    note = File("at-rest.txt", canary.secret("object").encode())
    visit.aws("kms", "Encrypt", KeyId="alias/at-rest", Plaintext=note, query="CiphertextBlob", save="at-rest.encrypted")
    visit.aws("s3", "CreateBucket", Bucket="at-rest", query="Location")
    visit.aws("s3", "PutObject", Bucket="at-rest", Key="note.txt", Body=note, query="ServerSideEncryption")
    for kind in ("String", "SecureString"):
        visit.aws(
            "ssm", "PutParameter", Name=f"/at-rest/{kind}", Type=kind, Value=canary.secret("parameter"), query="Version"
        )
    visit.aws(
        "secretsmanager",
        "CreateSecret",
        Name="at-rest",
        KmsKeyId="alias/at-rest",
        SecretString=canary.secret("secret"),
        query="Name",
    )
    visit.aws("logs", "CreateLogGroup", logGroupName=_GROUP)
    visit.aws("logs", "CreateLogStream", logGroupName=_GROUP, logStreamName="one")
    events = [{"timestamp": int(time.time() * 1000), "message": canary.secret("log event")}]
    visit.aws(
        "logs",
        "PutLogEvents",
        logGroupName=_GROUP,
        logStreamName="one",
        logEvents=events,
        query="rejectedLogEventsInfo",
    )


def _store_function(visit: Visit) -> None:
    """Make a function with a secret in its environment, where functions can be."""
    if why_no_sandbox() is not None:
        visit.leave_out(f"a function's environment ({SANDBOX_REMEDY})")
        return
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = File.of_json("trust.json", statements(trust))
    role = visit.aws("iam", "CreateRole", RoleName="at-rest", AssumeRolePolicyDocument=policy, query="Role.Arn")["Role"]
    source = File("module.py", f"SECRET = '{visit.canary.secret('code')}'\n".encode())
    visit.make(source)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(source.name, source.content)
    code = File("code.zip", packed.getvalue())
    (visit.folder / code.name).write_bytes(code.content)
    visit.note(f"python -m zipfile -c {code.name} {source.name}")
    visit.aws(
        "lambda",
        "CreateFunction",
        FunctionName="at-rest",
        Role=role["Arn"],
        Runtime=PYTHON_RUNTIME,
        Handler="module.handler",
        Code={"ZipFile": code},
        Environment={"Variables": {"SECRET": visit.canary.secret("variable")}},
        query="FunctionArn",
    )
