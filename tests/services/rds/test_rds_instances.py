"""RDS with boto3 against a running server, and databases that exist."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from tests.faults.secrets_on_disk import content_of, search
from tests.rotated_databases import HOST, RotatedDatabase, RotatedMariadb, RotatedPostgresql
from tests.rotation_functions.steps import Secret
from tests.running_server import RunningServer, eventually, running_server
from tests.services.rds.registering import PASSWORD, members
from tests.services.refusals import refused

from strongroom.rotation_functions import steps as rotation_steps
from strongroom.rotation_functions.secret import RotationError


@pytest.fixture(scope="module")
def reaching(
    tmp_path_factory: pytest.TempPathFactory, rotated_postgresql: RotatedPostgresql, rotated_mariadb: RotatedMariadb
) -> Iterator[RunningServer]:
    """A server that may reach the databases."""
    options = []
    for database in (rotated_postgresql, rotated_mariadb):
        options += ["--outbound-addresses", f"{HOST}:{database.port}"]
    with running_server(tmp_path_factory.mktemp("reaching"), options=tuple(options)) as running:
        yield running


@pytest.fixture
def rds(reaching: RunningServer) -> Any:
    return reaching.client("rds")


def secret_of(server: RunningServer, arn: str, **which: str) -> dict[str, str]:
    told = server.client("secretsmanager").get_secret_value(SecretId=arn, **which)["SecretString"]
    values: dict[str, str] = json.loads(told)
    return values


def rotated(server: RunningServer, rds: Any, identifier: str, database: RotatedDatabase, before: str) -> str:
    """Wait until the managed password is another one, which the database lets in, and return it."""
    instance = rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]
    arn = instance["MasterUserSecret"]["SecretArn"]
    eventually(20, lambda: secret_of(server, arn)["password"] != before)
    values = secret_of(server, arn)
    assert set(values) == {"username", "password"}
    assert values["username"] == instance["MasterUsername"]
    assert database.lets_in(values["username"], values["password"])
    assert not database.lets_in(values["username"], before)
    return values["password"]


def test_a_database_that_exists(reaching: RunningServer, rds: Any, database: RotatedDatabase) -> None:
    given = members(database, DeletionProtection=True, AllocatedStorage=20)
    made = rds.create_db_instance(**given)["DBInstance"]
    identifier = given["DBInstanceIdentifier"].lower()
    assert made["DBInstanceIdentifier"] == identifier
    assert made["Endpoint"] == {"Address": HOST, "Port": database.port}
    assert made["DBInstanceStatus"] == "available"
    assert made["EngineVersion"].count(".") >= 1
    assert made["DBInstanceArn"] == f"arn:aws:rds:us-east-1:000000000000:db:{identifier}"
    assert "MasterUserSecret" not in made
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=given["DBInstanceIdentifier"])
    assert rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"] == [made]
    with refused("DBInstanceAlreadyExists", "DB instance already exists"):
        rds.create_db_instance(**given)
    # A password by hand: the database has it, and the old one no more.
    rds.modify_db_instance(DBInstanceIdentifier=identifier, MasterUserPassword="another-password")
    assert database.lets_in(given["MasterUsername"], "another-password")
    assert not database.lets_in(given["MasterUsername"], PASSWORD)
    with refused("InvalidParameterCombination", match="protected"):
        rds.delete_db_instance(DBInstanceIdentifier=identifier, SkipFinalSnapshot=True)
    rds.modify_db_instance(DBInstanceIdentifier=identifier, DeletionProtection=False)
    with refused("InvalidParameterCombination", match="makes no snapshots"):
        rds.delete_db_instance(DBInstanceIdentifier=identifier)
    told = rds.delete_db_instance(DBInstanceIdentifier=identifier, SkipFinalSnapshot=True)["DBInstance"]
    assert told["DBInstanceStatus"] == "deleting"
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier=identifier)
    with refused("DBInstanceNotFound", f"DBInstance {identifier} not found."):
        rds.describe_db_instances(DBInstanceIdentifier=identifier)
    assert database.lets_in(given["MasterUsername"], "another-password")


def test_a_managed_password(reaching: RunningServer, rds: Any, database: RotatedDatabase) -> None:
    """At creation, rotated at once and on demand, and taken back."""
    key_arn = reaching.client("kms").create_key()["KeyMetadata"]["Arn"]
    given = members(database, ManageMasterUserPassword=True, MasterUserSecretKmsKeyId=key_arn)
    identifier, username = given["DBInstanceIdentifier"], given["MasterUsername"]
    told = rds.create_db_instance(**given)["DBInstance"]["MasterUserSecret"]
    assert told["KmsKeyId"] == key_arn
    password = rotated(reaching, rds, identifier, database, PASSWORD)
    secrets = reaching.client("secretsmanager")
    described = secrets.describe_secret(SecretId=told["SecretArn"])
    assert described["Name"].startswith("rds!db-")
    assert described["OwningService"] == "rds"
    assert described["RotationRules"] == {"AutomaticallyAfterDays": 7}
    tags = {tag["Key"]: tag["Value"] for tag in described["Tags"]}
    assert tags["aws:rds:primaryDBInstanceArn"].endswith(f":db:{identifier.lower()}")
    with refused("InvalidParameterCombination", match="managed"):
        rds.modify_db_instance(DBInstanceIdentifier=identifier, MasterUserPassword="something-else")
    with refused("InvalidParameterCombination", match="ApplyImmediately"):
        rds.modify_db_instance(DBInstanceIdentifier=identifier, RotateMasterUserPassword=True)
    eventually(
        20, lambda: "AWSPENDING" not in str(secrets.describe_secret(SecretId=told["SecretArn"])["VersionIdsToStages"])
    )
    rds.modify_db_instance(DBInstanceIdentifier=identifier, RotateMasterUserPassword=True, ApplyImmediately=True)
    password = rotated(reaching, rds, identifier, database, password)
    eventually(
        20,
        lambda: (
            rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]["MasterUserSecret"][
                "SecretStatus"
            ]
            == "active"
        ),
    )
    with refused("InvalidParameterCombination", match="MasterUserPassword is required"):
        rds.modify_db_instance(DBInstanceIdentifier=identifier, ManageMasterUserPassword=False)
    taken = rds.modify_db_instance(
        DBInstanceIdentifier=identifier, ManageMasterUserPassword=False, MasterUserPassword="by-hand-again-and-again"
    )["DBInstance"]
    assert "MasterUserSecret" not in taken
    assert database.lets_in(username, "by-hand-again-and-again")
    assert not database.lets_in(username, password)
    with refused("ResourceNotFoundException"):
        secrets.describe_secret(SecretId=told["SecretArn"])
    logged = database.logged()
    assert username in logged
    told = [("present", PASSWORD), ("managed", password), ("by hand", "by-hand-again-and-again")]
    assert not [each for _, each in told if each in logged]
    files = content_of(reaching.home)
    assert search(files, [(name, each.encode()) for name, each in told]) == []


def test_a_password_that_is_taken_over(reaching: RunningServer, rds: Any, database: RotatedDatabase) -> None:
    secrets = reaching.client("secretsmanager")
    present = secrets.create_secret(Name=f"present-{uuid.uuid4()}", SecretString=json.dumps({"password": PASSWORD}))
    given = members(database, MasterUserPassword=None)
    given["Tags"].append({"Key": "strongroom:master-secret", "Value": present["ARN"]})
    identifier = given["DBInstanceIdentifier"]
    rds.create_db_instance(**given)
    made = rds.modify_db_instance(DBInstanceIdentifier=identifier, ManageMasterUserPassword=True)["DBInstance"]
    assert made["MasterUserSecret"]["KmsKeyId"].startswith("arn:aws:kms:us-east-1:000000000000:key/")
    password = rotated(reaching, rds, identifier, database, PASSWORD)
    rds.delete_db_instance(DBInstanceIdentifier=identifier, SkipFinalSnapshot=True)
    # The database still has the password, which nobody else knows.
    arn = made["MasterUserSecret"]["SecretArn"]
    with refused("InvalidRequestException"):
        secret_of(reaching, arn)
    secrets.restore_secret(SecretId=arn)
    assert password in [secret_of(reaching, arn)["password"]]
    assert database.lets_in(given["MasterUsername"], password)


def test_what_cannot_be_registered(reaching: RunningServer, rds: Any, rotated_postgresql: RotatedPostgresql) -> None:
    given = members(rotated_postgresql)
    with refused("InvalidParameterValue", match="cannot log in"):
        rds.create_db_instance(**given | {"MasterUserPassword": "not-the-password"})
    with refused("InvalidParameterCombination", match="strongroom:endpoint"):
        rds.create_db_instance(**given | {"Tags": []})
    with refused("InvalidParameterCombination", match="present password"):
        rds.create_db_instance(**{name: value for name, value in given.items() if name != "MasterUserPassword"})
    for endpoint in (
        f"mariadb://{HOST}:{rotated_postgresql.port}",
        f"postgresql://user:word@{HOST}:1/x",
        "postgresql://",
        "postgresql://a:0/x",
        "postgresql://a:1/x?sslmode=off",
        "postgresql://a:x/",
        "http://a:1",
    ):
        with refused("InvalidParameterValue", match="strongroom:endpoint"):
            rds.create_db_instance(**given | {"Tags": [{"Key": "strongroom:endpoint", "Value": endpoint}]})
    for place in ("127.0.0.1:22", "10.9.8.7:5432", "localhost:1"):
        with refused("InvalidParameterValue", match="has not allowed the address"):
            tags = [{"Key": "strongroom:endpoint", "Value": f"postgresql://{place}/x"}]
            rds.create_db_instance(**given | {"Tags": tags})
    for member in ({"StorageEncrypted": True}, {"MultiAZ": True}, {"BackupRetentionPeriod": 7}, {"KmsKeyId": "k"}):
        with refused("InvalidParameterCombination", match="is not served"):
            rds.create_db_instance(**given | member)
    with refused("InvalidParameterCombination", match="of version"):
        rds.create_db_instance(**given | {"EngineVersion": "9.6"})
    with refused("InvalidParameterValue", match="Invalid DB engine"):
        rds.create_db_instance(**given | {"Engine": "oracle-ee"})
    with refused("InvalidParameterValue", match="not a valid identifier"):
        rds.create_db_instance(**given | {"DBInstanceIdentifier": "1--"})
    with refused("UnsupportedOperationException", match="CreateDBCluster"):
        rds.create_db_cluster(DBClusterIdentifier="c", Engine="aurora-mysql")
    assert given["DBInstanceIdentifier"].lower() not in str(rds.describe_db_instances())


def test_a_verified_connection(rds: Any, rotated_postgresql: RotatedPostgresql) -> None:
    """A server whose certificate no authority that is known vouches for."""
    given = members(rotated_postgresql)
    given["Tags"][0]["Value"] += "?ssl=true"
    with refused("InvalidParameterValue", match="certificate"):
        rds.create_db_instance(**given)


def test_listings_and_tags(rds: Any, rotated_mariadb: RotatedMariadb) -> None:
    given = members(rotated_mariadb)
    username = given["MasterUsername"]
    names = sorted(f"page-{number:02}-{uuid.uuid4().hex[:6]}" for number in range(21))
    for name in names:
        made = rds.create_db_instance(**given | {"DBInstanceIdentifier": name, "MasterUsername": username})
    pages = rds.get_paginator("describe_db_instances").paginate(PaginationConfig={"PageSize": 20})
    found = [[each["DBInstanceIdentifier"] for each in page["DBInstances"]] for page in pages]
    assert len(found) > 1
    assert set(names) <= {name for page in found for name in page}
    assert [name for page in found for name in page] == sorted(name for page in found for name in page)
    arn = made["DBInstance"]["DBInstanceArn"]

    def filtered(**filters: str) -> list[str]:
        given = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
        return [each["DBInstanceIdentifier"] for each in rds.describe_db_instances(Filters=given)["DBInstances"]]

    last = made["DBInstance"]["DBInstanceIdentifier"]
    assert filtered(db_instance_id=arn) == [last]
    assert filtered(dbi_resource_id=made["DBInstance"]["DbiResourceId"]) == [last]
    assert last in filtered(engine="mariadb")
    assert filtered(db_instance_id=last, engine="postgres") == []
    with refused("InvalidParameterValue", match="Unrecognized filter"):
        filtered(colour="red")
    with refused("InvalidParameterValue", match="MaxRecords"):
        rds.describe_db_instances(MaxRecords=5)
    with refused("InvalidParameterValue", match="Marker"):
        rds.describe_db_instances(Marker="nonsense")
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "team", "Value": "red"}, {"Key": "x", "Value": ""}])
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["x", "y"])
    tags = {tag["Key"]: tag["Value"] for tag in rds.list_tags_for_resource(ResourceName=arn)["TagList"]}
    assert tags["team"] == "red"
    assert set(tags) == {"team", "strongroom:endpoint"}
    with refused("InvalidParameterValue", match="cannot be changed"):
        rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["strongroom:endpoint"])
    with refused("InvalidParameterValue", match="reserved"):
        rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "aws:x", "Value": ""}])
    with refused("DBInstanceNotFound"):
        rds.list_tags_for_resource(ResourceName=arn.replace(last, "nothing"))
    with refused("InvalidParameterValue"):
        rds.list_tags_for_resource(ResourceName="arn:aws:rds:us-east-1:000000000000:cluster:c")
    versions = rds.describe_db_engine_versions(Engine="postgres", EngineVersion="15.4")["DBEngineVersions"]
    assert [each["EngineVersion"] for each in versions] == ["15"]
    newest = rds.describe_db_engine_versions(DefaultOnly=True)["DBEngineVersions"]
    assert [each["Engine"] for each in newest] == ["mariadb", "mysql", "postgres"]


def test_a_superuser_whose_password_is_managed(
    reaching: RunningServer, rds: Any, database: RotatedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a secret has no host: the function asks RDS where its database is, and that must be the user's own."""
    given = members(database, ManageMasterUserPassword=True)
    identifier = given["DBInstanceIdentifier"]
    master = rds.create_db_instance(**given)["DBInstance"]["MasterUserSecret"]["SecretArn"]
    rotated(reaching, rds, identifier, database, PASSWORD)
    monkeypatch.setitem(rotation_steps._clients, "rds", rds)
    values = {"engine": database.engine, "host": HOST, "port": database.port, "dbname": database.name}
    values |= {"username": database.make_user(PASSWORD), "password": PASSWORD, "masterarn": master}
    secret = Secret(reaching.client("secretsmanager"), f"{database.function}_alternating_users", values)
    for _ in range(3):
        secret.rotate()
        assert database.lets_in(*secret.credentials())
    secret.put(secret.values() | {"host": "localhost"})
    with pytest.raises(RotationError, match="same database server"):
        secret.rotate()
