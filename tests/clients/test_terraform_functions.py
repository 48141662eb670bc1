"""What Terraform makes of functions it finds again as it wants it, and takes away."""

from pathlib import Path

import pytest
from tests.clients.terraform import Terraform
from tests.running_server import RunningServer
from tests.services.lambda_.functions import archive

CONFIGURATION = """
resource "aws_kms_key" "variables" { deletion_window_in_days = 7 }
resource "aws_iam_role" "execution" {
  name = "tf-execution"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}
resource "aws_s3_bucket" "code" { bucket = "tf-code" }
resource "aws_s3_object" "code" {
  bucket = aws_s3_bucket.code.id
  key    = "code.zip"
  source = "code.zip"
}
resource "aws_lambda_layer_version" "libraries" {
  layer_name          = "tf-libraries"
  filename            = "layer.zip"
  compatible_runtimes = ["python3.12"]
}
resource "aws_lambda_function" "app" {
  function_name    = "tf-app"
  role             = aws_iam_role.execution.arn
  runtime          = "python3.12"
  handler          = "app.handler"
  filename         = "code.zip"
  source_code_hash = filebase64sha256("code.zip")
  publish          = true
  timeout          = var.stage == "first" ? 5 : 60
  memory_size      = var.stage == "first" ? 128 : 256
  kms_key_arn      = aws_kms_key.variables.arn
  layers           = [aws_lambda_layer_version.libraries.arn]
  reserved_concurrent_executions = var.stage == "first" ? 5 : -1
  environment { variables = { STAGE = var.stage } }
  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "WARN"
  }
  ephemeral_storage { size = 1024 }
  tags = { stage = var.stage }
}
resource "aws_lambda_function" "from_s3" {
  function_name = "tf-from-s3"
  role          = aws_iam_role.execution.arn
  runtime       = "provided.al2023"
  handler       = "bootstrap"
  s3_bucket     = aws_s3_object.code.bucket
  s3_key        = aws_s3_object.code.key
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.app.function_name
  function_version = aws_lambda_function.app.version
}
resource "aws_lambda_permission" "rotation" {
  statement_id   = "rotation"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.app.function_name
  qualifier      = aws_lambda_alias.live.name
  principal      = "secretsmanager.amazonaws.com"
  source_account = "000000000000"
}
resource "aws_lambda_function_event_invoke_config" "app" {
  function_name                = aws_lambda_function.app.function_name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = var.stage == "first" ? 0 : 1
}
data "aws_lambda_function" "found" {
  function_name = aws_lambda_function.app.function_name
}
"""


@pytest.mark.slow
def test_functions_with_all_that_belongs_to_them(server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "code.zip").write_bytes(archive())
    (tmp_path / "layer.zip").write_bytes(archive({"python/library.py": "VALUE = 1\n"}))
    terraform = Terraform(server, tmp_path, CONFIGURATION)
    client = server.client("lambda")
    for number, stage in enumerate(("first", "second"), start=1):
        terraform.apply(stage)
        found = client.get_function(FunctionName="tf-app")
        assert found["Configuration"]["Environment"] == {"Variables": {"STAGE": stage}}
        assert found["Tags"] == {"made_by": "terraform", "stage": stage}
        assert client.get_alias(FunctionName="tf-app", Name="live")["FunctionVersion"] == str(number)
    terraform.destroy()
    assert not [each for each in client.list_functions()["Functions"] if each["FunctionName"].startswith("tf-")]
