"""What Terraform makes of a database that exists: registered, its password managed, its secret found.

It takes minutes: the provider waits for one before it looks whether a change of an instance is through.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clients.terraform import Terraform
from tests.rotated_databases import HOST, RotatedPostgresql
from tests.running_server import RunningServer, eventually, running_server

PASSWORD = "the-present-password"
CONFIGURATION = """
resource "aws_secretsmanager_secret" "present" {
  name                    = "tf/present"
  recovery_window_in_days = 0
}
resource "aws_secretsmanager_secret_version" "present" {
  secret_id     = aws_secretsmanager_secret.present.id
  secret_string = "%(password)s"
}
resource "aws_db_instance" "orders" {
  identifier                  = "orders"
  instance_class              = "db.t3.micro"
  engine                      = "postgres"
  allocated_storage           = 20
  username                    = "%(username)s"
  manage_master_user_password = true
  skip_final_snapshot         = true
  apply_immediately           = true
  deletion_protection         = var.stage == "second"
  tags = {
    "strongroom:endpoint"      = "postgresql://%(place)s"
    "strongroom:master-secret" = aws_secretsmanager_secret_version.present.arn
  }
}
"""


@pytest.fixture
def reaching(tmp_path: Path, rotated_postgresql: RotatedPostgresql) -> Iterator[RunningServer]:
    (tmp_path / "server").mkdir()
    options = ("--outbound-addresses", f"{HOST}:{rotated_postgresql.port}")
    with running_server(tmp_path / "server", options=options) as running:
        yield running


@pytest.mark.slow
def test_a_database_is_registered_and_forgotten(
    reaching: RunningServer, rotated_postgresql: RotatedPostgresql, tmp_path: Path
) -> None:
    database = rotated_postgresql
    username = database.make_superuser(PASSWORD)
    place = f"{HOST}:{database.port}/{database.name}"
    (tmp_path / "terraform").mkdir()
    meant = {"password": PASSWORD, "username": username, "place": place}
    terraform = Terraform(reaching, tmp_path / "terraform", CONFIGURATION % meant)
    terraform.apply("first")
    rds, secrets = reaching.client("rds"), reaching.client("secretsmanager")
    arn = rds.describe_db_instances()["DBInstances"][0]["MasterUserSecret"]["SecretArn"]

    def password() -> str:
        told: str = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])["password"]
        return told

    eventually(30, lambda: password() != PASSWORD)
    assert database.lets_in(username, password())
    terraform.apply("second")
    assert rds.describe_db_instances()["DBInstances"][0]["DeletionProtection"]
    terraform.apply("first")
    terraform.destroy()
    assert not rds.describe_db_instances()["DBInstances"]
    assert secrets.restore_secret(SecretId=arn)["ARN"] == arn
    assert database.lets_in(username, password())
