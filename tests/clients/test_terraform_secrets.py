"""What Terraform makes of secrets: versions, policies, schedules and replicas."""

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.clients.terraform import Terraform
from tests.running_server import RunningServer

CONFIGURATION = """
resource "aws_kms_key" "key" {
  deletion_window_in_days = 7
}
resource "aws_secretsmanager_secret" "db" {
  name                    = "tf/db"
  description             = var.stage
  kms_key_id              = aws_kms_key.key.arn
  recovery_window_in_days = 0
  replica {
    region = "eu-west-1"
  }
}
resource "aws_secretsmanager_secret_version" "db" {
  secret_id     = aws_secretsmanager_secret.db.id
  secret_string = jsonencode({ username = "ann", password = var.stage })
}
resource "aws_secretsmanager_secret_policy" "db" {
  secret_arn          = aws_secretsmanager_secret.db.arn
  block_public_policy = true
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::000000000000:root" }
      Action    = var.stage == "first" ? "secretsmanager:GetSecretValue" : "secretsmanager:DescribeSecret"
      Resource  = "*"
    }]
  })
}
resource "aws_secretsmanager_secret_rotation" "db" {
  secret_id           = aws_secretsmanager_secret_version.db.secret_id
  rotate_immediately  = false
  rotation_lambda_arn = "arn:aws:lambda:us-east-1:000000000000:function:rotate"
  rotation_rules {
    automatically_after_days = var.stage == "first" ? 30 : 60
  }
}
data "aws_secretsmanager_random_password" "one" {
  password_length = 20
}
output "value" {
  value     = aws_secretsmanager_secret_version.db.secret_string
  sensitive = true
}
"""


def test_secrets_are_made_changed_and_taken_away(server: RunningServer, tmp_path: Path) -> None:
    terraform = Terraform(server, tmp_path, CONFIGURATION)
    here, there = server.client("secretsmanager"), server.client("secretsmanager", region="eu-west-1")
    for stage, days in (("first", 30), ("second", 60)):
        terraform.apply(stage)
        for client in (here, there):
            value = client.get_secret_value(SecretId="tf/db")["SecretString"]
            assert json.loads(value) == {"username": "ann", "password": stage}
        described = here.describe_secret(SecretId="tf/db")
        assert described["RotationRules"]["AutomaticallyAfterDays"] == days
        assert described["Description"] == stage
    terraform.destroy()
    for client in (here, there):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            client.describe_secret(SecretId="tf/db")
