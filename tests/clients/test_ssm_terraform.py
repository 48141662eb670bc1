"""Parameters by Terraform with AWS's provider, unmodified: a second plan finds nothing to change, before and after.

Skipped where Terraform is not installed, or TERRAFORM_PLUGIN_DIR does not name a directory with the provider.
"""

import os
from pathlib import Path

import pytest
from tests.clients.terraform import Terraform
from tests.running_server import RunningServer

CONFIGURATION = """
data "aws_caller_identity" "me" {}

resource "aws_kms_key" "own" {
  deletion_window_in_days = 7
}
resource "aws_ssm_parameter" "plain" {
  name        = "/tf/plain"
  type        = "String"
  value       = var.stage
  description = "about ${var.stage}"
  tags        = { stage = var.stage }
}
resource "aws_ssm_parameter" "list" {
  name            = "/tf/list"
  type            = "StringList"
  value           = "a,b"
  allowed_pattern = "^[a-z,]+$"
}
resource "aws_ssm_parameter" "secret" {
  name   = "/tf/secret"
  type   = "SecureString"
  value  = "geheim-${var.stage}"
  key_id = aws_kms_key.own.arn
  tier   = var.stage == "first" ? "Standard" : "Advanced"
}
resource "aws_ssm_parameter" "default" {
  name  = "tf-default"
  type  = "SecureString"
  value = "geheim"
  tier  = "Intelligent-Tiering"
}
resource "aws_ssm_service_setting" "tier" {
  setting_id = join(":", [
    "arn:aws:ssm:us-east-1", data.aws_caller_identity.me.account_id,
    "servicesetting/ssm/parameter-store/default-parameter-tier"
  ])
  setting_value = "Intelligent-Tiering"
}
data "aws_ssm_parameters_by_path" "all" {
  path       = "/tf"
  recursive  = true
  depends_on = [aws_ssm_parameter.secret, aws_ssm_parameter.plain, aws_ssm_parameter.list]
}
"""


def test_parameters_are_made_changed_and_taken_away(server: RunningServer, tmp_path: Path) -> None:
    if not os.environ.get("TERRAFORM_PLUGIN_DIR"):
        pytest.skip("TERRAFORM_PLUGIN_DIR names no directory with AWS's provider")
    terraform = Terraform(server, tmp_path, CONFIGURATION)
    ssm = server.client("ssm")
    for stage, tier, version in (("first", "Standard", 1), ("second", "Advanced", 2)):
        terraform.apply(stage)
        secret = ssm.get_parameter(Name="/tf/secret", WithDecryption=True)["Parameter"]
        assert (secret["Value"], secret["Version"]) == (f"geheim-{stage}", version)
        filters = [{"Key": "tag:made_by", "Values": ["terraform"]}]
        described = {each["Name"]: each for each in ssm.describe_parameters(ParameterFilters=filters)["Parameters"]}
        assert described["/tf/secret"]["Tier"] == tier
        assert ":key/" in described["/tf/secret"]["KeyId"]
    terraform.destroy()
    assert ssm.get_parameters_by_path(Path="/tf", Recursive=True)["Parameters"] == []
