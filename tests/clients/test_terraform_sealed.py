"""What Terraform makes of keys and of what they seal: applied, planned again without a change, changed, destroyed."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.clients.terraform import Terraform
from tests.running_server import RunningServer

KEYS = """
resource "aws_kms_key" "main" {
  description             = "of ${var.stage}"
  deletion_window_in_days = 7
  enable_key_rotation     = true
  rotation_period_in_days = var.stage == "first" ? 365 : 180
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid = "root", Effect = "Allow", Action = "kms:*", Resource = "*",
      Principal = { AWS = "arn:aws:iam::000000000000:root" }
    }, {
      Sid = "logs", Effect = "Allow", Resource = "*",
      Principal = { Service = "logs.us-east-1.amazonaws.com" },
      Action = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    }]
  })
}
resource "aws_kms_alias" "main" {
  name          = "alias/tf-main"
  target_key_id = aws_kms_key.main.key_id
}
resource "aws_kms_key" "signing" {
  customer_master_key_spec = "ECC_NIST_P256"
  key_usage                = "SIGN_VERIFY"
  deletion_window_in_days  = 7
}
resource "aws_kms_grant" "app" {
  name              = "app"
  key_id            = aws_kms_key.main.key_id
  grantee_principal = aws_iam_role.app.arn
  operations        = ["Decrypt", "DescribeKey"]
  constraints {
    encryption_context_equals = { purpose = "test" }
  }
}
resource "aws_iam_role" "app" {
  name = "tf-app"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}
"""

BUCKETS = """
resource "aws_s3_bucket" "sealed" {
  bucket        = "tf-sealed"
  force_destroy = true
}
resource "aws_s3_bucket_server_side_encryption_configuration" "sealed" {
  bucket = aws_s3_bucket.sealed.id
  rule {
    bucket_key_enabled = var.stage == "first"
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.main.arn
    }
  }
}
resource "aws_s3_bucket_versioning" "sealed" {
  bucket = aws_s3_bucket.sealed.id
  versioning_configuration {
    status = "Enabled"
  }
}
resource "aws_s3_bucket_public_access_block" "sealed" {
  bucket                  = aws_s3_bucket.sealed.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
resource "aws_s3_bucket_ownership_controls" "sealed" {
  bucket = aws_s3_bucket.sealed.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}
resource "aws_s3_bucket_lifecycle_configuration" "sealed" {
  bucket = aws_s3_bucket.sealed.id
  rule {
    id     = "old"
    status = "Enabled"
    filter {
      prefix = "logs/"
    }
    expiration {
      days = var.stage == "first" ? 30 : 60
    }
    noncurrent_version_expiration {
      noncurrent_days = 7
    }
  }
}
resource "aws_s3_bucket_cors_configuration" "sealed" {
  bucket = aws_s3_bucket.sealed.id
  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = ["https://example.com"]
  }
}
resource "aws_s3_bucket_policy" "sealed" {
  bucket = aws_s3_bucket.sealed.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyHttps", Effect = "Deny", Principal = "*", Action = "s3:*",
      Resource  = [aws_s3_bucket.sealed.arn, "${aws_s3_bucket.sealed.arn}/*"],
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
resource "aws_s3_object" "greeting" {
  bucket  = aws_s3_bucket.sealed.id
  key     = "greeting"
  content = "hello of ${var.stage}"
  depends_on = [aws_s3_bucket_server_side_encryption_configuration.sealed, aws_s3_bucket_versioning.sealed]
}
"""

LOGS = """
resource "aws_cloudwatch_log_group" "app" {
  name              = "/tf/app"
  retention_in_days = var.stage == "first" ? 7 : 14
  kms_key_id        = aws_kms_key.main.arn
}
resource "aws_cloudwatch_log_stream" "app" {
  name           = "one"
  log_group_name = aws_cloudwatch_log_group.app.name
}
resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "errors"
  pattern        = "ERROR"
  log_group_name = aws_cloudwatch_log_group.app.name
  metric_transformation {
    name      = "Errors"
    namespace = "tf"
    value     = "1"
  }
}
resource "aws_cloudwatch_log_resource_policy" "es" {
  policy_name = "tf"
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow", Action = ["logs:PutLogEvents", "logs:CreateLogStream"], Resource = "*",
      Principal = { Service = "es.amazonaws.com" }
    }]
  })
}
"""

TRAILS = """
resource "aws_s3_bucket" "trail" {
  bucket        = "tf-trail"
  force_destroy = true
}
resource "aws_s3_bucket_policy" "trail" {
  bucket = aws_s3_bucket.trail.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow", Action = "s3:GetBucketAcl", Resource = aws_s3_bucket.trail.arn,
      Principal = { Service = "cloudtrail.amazonaws.com" }
    }, {
      Effect    = "Allow", Action = "s3:PutObject", Resource = "${aws_s3_bucket.trail.arn}/AWSLogs/*",
      Principal = { Service = "cloudtrail.amazonaws.com" }
    }]
  })
}
resource "aws_cloudtrail" "all" {
  name                          = "tf-all"
  s3_bucket_name                = aws_s3_bucket.trail.id
  enable_log_file_validation    = true
  include_global_service_events = var.stage == "first"
  is_multi_region_trail         = false
  depends_on                    = [aws_s3_bucket_policy.trail]
}
"""


def test_what_is_sealed_is_made_changed_and_taken_away(server: RunningServer, tmp_path: Path) -> None:
    terraform = Terraform(server, tmp_path, KEYS + BUCKETS + LOGS + TRAILS)
    terraform.apply("first")
    kms, s3 = server.client("kms"), server.client("s3")
    key = kms.describe_key(KeyId="alias/tf-main")["KeyMetadata"]
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["RotationPeriodInDays"] == 365
    found = s3.get_object(Bucket="tf-sealed", Key="greeting")
    assert (found["Body"].read(), found["SSEKMSKeyId"], found["BucketKeyEnabled"]) == (
        b"hello of first",
        key["Arn"],
        True,
    )
    logs = server.client("logs")
    terraform.apply("second")
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/tf/")["logGroups"]
    assert (group["retentionInDays"], group["kmsKeyId"]) == (14, key["Arn"])
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["RotationPeriodInDays"] == 180
    assert s3.get_object(Bucket="tf-sealed", Key="greeting")["Body"].read() == b"hello of second"
    assert len(s3.list_object_versions(Bucket="tf-sealed")["Versions"]) == 2
    terraform.destroy()
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.list_objects_v2(Bucket="tf-sealed")
    assert logs.describe_log_groups(logGroupNamePrefix="/tf/")["logGroups"] == []
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
