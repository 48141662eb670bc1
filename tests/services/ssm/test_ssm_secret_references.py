"""Parameters that stand for secrets."""

import json
import uuid

from tests.identities_made import allow, document
from tests.opened_house import ACCOUNT, OpenedHouse
from tests.services.kms.made_identities import make_identity, user
from tests.services.refusals import refused
from tests.services.ssm.asking import ARN, InSqliteHouse, ask, put, shown

REFERENCE = "/aws/reference/secretsmanager"
NEEDS_DECRYPTION = "WithDecryption flag must be True for retrieving a Secret Manager secret."
BAD_SELECTOR = (
    "Invalid parameter name. Please use correct syntax for referencing a version/label  <name>:<version/label>"
)


def test_what_is_refused_before_the_secret_is_looked_for(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        for decrypted in ({}, {"WithDecryption": False}):
            with refused("ValidationException", NEEDS_DECRYPTION):
                await ask(house, "GetParameter", Name=f"{REFERENCE}/app/db", **decrypted)
        for selector in (":", ":a:b"):
            with refused("ValidationException", BAD_SELECTOR):
                await ask(house, "GetParameter", Name=f"{REFERENCE}/app/db{selector}")
        await put(house, "/plain")
        answer = await ask(house, "GetParameters", Names=[f"{REFERENCE}/app/db", "/plain"])
        assert [each["Name"] for each in answer["Parameters"]] == ["/plain"]
        assert answer["InvalidParameters"] == [f"{REFERENCE}/app/db"]
        other = await user(house, await make_identity(house, "user", "other", document(allow("secretsmanager:*"))))
        with refused("AccessDeniedException"):
            await shown(house, f"{REFERENCE}/app/db", caller=other)
        # Nobody can put a parameter there.
        with refused("AccessDeniedException"):
            await put(house, f"{REFERENCE}/app/db")

    in_sqlite_house(body)


def test_a_secret_is_shown_as_a_parameter(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        tokens = [{"ClientRequestToken": str(uuid.uuid4())} for _ in range(2)]
        made = await house.call("secretsmanager", "CreateSecret", Name="app/db", SecretString="first", **tokens[0])
        await house.call("secretsmanager", "PutSecretValue", SecretId="app/db", SecretString="second", **tokens[1])
        now = await house.call("secretsmanager", "GetSecretValue", SecretId="app/db")
        parameter = await shown(house, f"{REFERENCE}/app/db")
        source = json.loads(parameter.pop("SourceResult"))
        assert parameter == {
            "Name": f"{REFERENCE}/app/db",
            "Type": "SecureString",
            "Value": "second",
            "Version": 0,
            "ARN": made["ARN"],
            "LastModifiedDate": now["CreatedDate"],
        }
        assert (source["ARN"], source["name"], source["versionId"]) == (made["ARN"], "app/db", now["VersionId"])
        assert (source["secretString"], source["versionStages"]) == ("second", ["AWSCURRENT"])
        for selector in ("AWSPREVIOUS", made["VersionId"]):
            before = await shown(house, f"{REFERENCE}/app/db:{selector}")
            assert (before["Value"], before["Selector"]) == ("first", f":{selector}")
        for name, says in (("app/db:NOSUCH", "app/db:NOSUCH"), ("none", "nonenull")):
            with refused(
                "ParameterNotFound",
                "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret "
                f"aws/reference/secretsmanager/{says} not found.",
            ):
                await shown(house, f"{REFERENCE}/{name}")
        several = await ask(
            house, "GetParameters", Names=[f"{REFERENCE}/app/db", f"{REFERENCE}/none"], WithDecryption=True
        )
        assert [each["Value"] for each in several["Parameters"]] == ["second"]
        assert several["InvalidParameters"] == [f"{REFERENCE}/none"]
        # It takes the permission of either service.
        reads = await make_identity(house, "user", "reads", document(allow("ssm:GetParameter", f"{ARN}/aws/*")))
        secret = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:app/db-*"
        both = document(allow("ssm:GetParameter"), allow("secretsmanager:GetSecretValue", secret))
        with refused("AccessDeniedException"):
            await shown(house, f"{REFERENCE}/app/db", caller=await user(house, reads))
        allowed = await user(house, await make_identity(house, "user", "both", both))
        assert (await shown(house, f"{REFERENCE}/app/db", caller=allowed))["Value"] == "second"
        await house.call("secretsmanager", "DeleteSecret", SecretId="app/db")
        with refused("ValidationException", "Invalid Request to Secrets Manager"):
            await shown(house, f"{REFERENCE}/app/db")

    in_sqlite_house(body)
