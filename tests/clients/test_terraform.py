"""Terraform with AWS's provider, unmodified: what it makes of IAM it finds again as it wants it, and takes away.

Skipped where Terraform, or the provider for it, is not at hand. TERRAFORM_PLUGIN_DIR names a directory with the
provider, for a machine that cannot reach Terraform's registry.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.running_server import RunningServer

INIT_SECONDS_MAX = 60
RUN_SECONDS_MAX = 180

CONFIGURATION = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  skip_metadata_api_check = true
  default_tags {
    tags = { made_by = "terraform" }
  }
}
variable "stage" { default = "first" }
locals {
  keys = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "kms:${var.stage == "first" ? "List" : "Describe"}*", Resource = "*" }]
  })
}

resource "aws_iam_user" "ann" {
  name                 = "tf-ann"
  path                 = "/tf/"
  permissions_boundary = aws_iam_policy.keys.arn
  force_destroy        = true
}
resource "aws_iam_access_key" "ann" {
  user   = aws_iam_user.ann.name
  status = var.stage == "first" ? "Active" : "Inactive"
}
resource "aws_iam_user_policy" "ann" {
  user   = aws_iam_user.ann.name
  name   = "keys"
  policy = local.keys
}
resource "aws_iam_user_policy_attachment" "ann" {
  user       = aws_iam_user.ann.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}
resource "aws_iam_virtual_mfa_device" "ann" {
  virtual_mfa_device_name = "tf-ann"
}
resource "aws_iam_group" "readers" {
  name = "tf-readers"
}
resource "aws_iam_user_group_membership" "ann" {
  user   = aws_iam_user.ann.name
  groups = [aws_iam_group.readers.name]
}
resource "aws_iam_group_policy" "readers" {
  group  = aws_iam_group.readers.name
  name   = "keys"
  policy = local.keys
}
resource "aws_iam_group_policy_attachment" "readers" {
  group      = aws_iam_group.readers.name
  policy_arn = aws_iam_policy.keys.arn
}
resource "aws_iam_policy" "keys" {
  name        = "tf-keys"
  description = "about keys"
  policy      = local.keys
}
resource "aws_iam_role" "reader" {
  name                 = "tf-reader"
  max_session_duration = var.stage == "first" ? 7200 : 3600
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = aws_iam_user.ann.arn }, Action = "sts:AssumeRole" }]
  })
}
resource "aws_iam_role_policy" "reader" {
  role   = aws_iam_role.reader.name
  name   = "keys"
  policy = local.keys
}
resource "aws_iam_role_policy_attachment" "reader" {
  role       = aws_iam_role.reader.name
  policy_arn = aws_iam_policy.keys.arn
}
resource "aws_iam_instance_profile" "reader" {
  name = "tf-reader"
  role = aws_iam_role.reader.name
}
resource "aws_iam_openid_connect_provider" "idp" {
  url             = "https://idp.example.com/realm"
  client_id_list  = var.stage == "first" ? ["a", "b"] : ["b", "c"]
  thumbprint_list = ["${var.stage == "first" ? "a" : "b"}031c46782e6e6c662c2c87c76da9aa62ccabd8e"]
}
resource "aws_iam_service_linked_role" "batch" {
  aws_service_name = "batch.amazonaws.com"
  description      = var.stage
}
resource "aws_iam_account_alias" "alias" {
  account_alias = "tf-${var.stage}"
}
resource "aws_iam_account_password_policy" "strict" {
  minimum_password_length   = var.stage == "first" ? 12 : 14
  require_symbols           = true
  max_password_age          = 90
  password_reuse_prevention = 5
}
"""


class Terraform:
    """`terraform` in a directory with a configuration, connected to a server as the root user."""

    def __init__(self, server: RunningServer, directory: Path, configuration: str = CONFIGURATION) -> None:
        self._directory = directory
        # A configuration of somebody's own could send it elsewhere.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
        ours = {name: value for name, value in server.environment().items() if name.startswith("AWS_")}
        self._environment = kept | ours | {"HOME": str(directory), "CHECKPOINT_DISABLE": "1"}
        (directory / "main.tf").write_text(configuration)

    def run(self, *arguments: str, seconds_max: int = RUN_SECONDS_MAX) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", *arguments, "-no-color", "-input=false"],
            cwd=self._directory,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=seconds_max,
        )

    def init(self) -> None:
        """Install the provider, or skip the test."""
        plugins = os.environ.get("TERRAFORM_PLUGIN_DIR")
        try:
            done = self.run("init", *((f"-plugin-dir={plugins}",) if plugins else ()), seconds_max=INIT_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            pytest.skip("terraform took more than a minute to install the AWS provider")
        if done.returncode != 0:
            pytest.skip(f"terraform can't install the AWS provider: {done.stderr.strip().splitlines()[:1]}")

    def apply(self, stage: str) -> None:
        """Apply the configuration, and see that a plan of the same finds nothing left to change."""
        stages = ("-var", f"stage={stage}")
        done = self.run("apply", "-auto-approve", *stages)
        assert done.returncode == 0, done.stderr
        plan = self.run("plan", "-detailed-exitcode", *stages)
        assert plan.returncode == 0, plan.stdout + plan.stderr


def test_iam_is_made_changed_and_taken_away(server: RunningServer, tmp_path: Path) -> None:
    if shutil.which("terraform") is None:
        pytest.skip("Terraform is not installed")
    terraform = Terraform(server, tmp_path)
    terraform.init()
    iam = server.client("iam")
    terraform.apply("first")
    assert iam.get_user(UserName="tf-ann")["User"]["Tags"] == [{"Key": "made_by", "Value": "terraform"}]
    terraform.apply("second")
    assert iam.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"] == 14
    (attached,) = iam.list_attached_role_policies(RoleName="tf-reader")["AttachedPolicies"]
    assert len(iam.list_policy_versions(PolicyArn=attached["PolicyArn"])["Versions"]) == 2
    # Made behind Terraform's back, and taken away with the user all the same.
    iam.create_access_key(UserName="tf-ann")
    done = terraform.run("destroy", "-auto-approve")
    assert done.returncode == 0, done.stderr
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_user(UserName="tf-ann")
    assert iam.list_account_aliases()["AccountAliases"] == []
