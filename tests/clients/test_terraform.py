"""What Terraform makes of IAM it finds again as it wants it, and takes away."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.clients.terraform import Terraform
from tests.running_server import RunningServer

CONFIGURATION = """
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


def test_iam_is_made_changed_and_taken_away(server: RunningServer, tmp_path: Path) -> None:
    terraform = Terraform(server, tmp_path, CONFIGURATION)
    iam = server.client("iam")
    terraform.apply("first")
    assert iam.get_user(UserName="tf-ann")["User"]["Tags"] == [{"Key": "made_by", "Value": "terraform"}]
    terraform.apply("second")
    assert iam.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"] == 14
    (attached,) = iam.list_attached_role_policies(RoleName="tf-reader")["AttachedPolicies"]
    assert len(iam.list_policy_versions(PolicyArn=attached["PolicyArn"])["Versions"]) == 2
    # Made behind Terraform's back, and taken away with the user all the same.
    iam.create_access_key(UserName="tf-ann")
    terraform.destroy()
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_user(UserName="tf-ann")
    assert iam.list_account_aliases()["AccountAliases"] == []
