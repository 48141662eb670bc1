"""What Terraform makes of CloudWatch Logs it finds again as it wants it, and takes away."""

from pathlib import Path

from tests.clients.terraform import Terraform
from tests.running_server import RunningServer

CONFIGURATION = """
locals {
  account = "000000000000"
  group   = "arn:aws:logs:us-east-1:000000000000:log-group:/tf/app"
}
resource "aws_kms_key" "logs" {
  deletion_window_in_days = 7
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = local.account }, Action = "kms:*", Resource = "*" },
      {
        Effect    = "Allow"
        Principal = { Service = "logs.us-east-1.amazonaws.com" }
        Action    = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
        Resource  = "*"
        Condition = { ArnEquals = { "kms:EncryptionContext:aws:logs:arn" = local.group } }
      }
    ]
  })
}
resource "aws_cloudwatch_log_group" "app" {
  name              = "/tf/app"
  retention_in_days = var.stage == "first" ? 7 : 30
  kms_key_id        = var.stage == "first" ? aws_kms_key.logs.arn : null
}
resource "aws_cloudwatch_log_stream" "one" {
  name           = "one"
  log_group_name = aws_cloudwatch_log_group.app.name
}
resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "errors"
  pattern        = var.stage == "first" ? "ERROR" : "{ $.level = \\"ERROR\\" }"
  log_group_name = aws_cloudwatch_log_group.app.name
  metric_transformation {
    name          = "Errors"
    namespace     = "app"
    value         = "1"
    default_value = "0"
  }
}
resource "aws_cloudwatch_query_definition" "errors" {
  name            = "app/errors"
  log_group_names = [aws_cloudwatch_log_group.app.name]
  query_string    = "filter level = 'ERROR' | limit ${var.stage == "first" ? 10 : 20}"
}
resource "aws_cloudwatch_log_resource_policy" "dns" {
  policy_name = "dns"
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "route53.amazonaws.com" }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "${local.group}:*"
    }]
  })
}
"""


def test_logs_are_made_changed_and_taken_away(server: RunningServer, tmp_path: Path) -> None:
    terraform = Terraform(server, tmp_path, CONFIGURATION)
    logs = server.client("logs")
    terraform.apply("first")
    group = logs.describe_log_groups(logGroupNamePrefix="/tf/app")["logGroups"][0]
    assert (group["retentionInDays"], group["metricFilterCount"]) == (7, 1)
    assert group["kmsKeyId"].startswith("arn:aws:kms:")
    assert logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"] == {"made_by": "terraform"}
    terraform.apply("second")
    group = logs.describe_log_groups(logGroupNamePrefix="/tf/app")["logGroups"][0]
    assert (group["retentionInDays"], group.get("kmsKeyId")) == (30, None)
    terraform.destroy()
    assert logs.describe_log_groups(logGroupNamePrefix="/tf/app")["logGroups"] == []
    assert logs.describe_resource_policies()["resourcePolicies"] == []
