"""Records of patients in S3: encrypted under a KMS key, under names that tell nobody whose they are.

It knows nothing of its tests: its clients are boto3's, of whatever account and endpoint the environment says.
"""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# KMS and S3 say when they are asked too fast; this waits, longer each time, and asks again.
PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 5})

SECRET = "records/pepper"
ACCESS_DENIED = {"AccessDenied", "AccessDeniedException"}


class NotAllowedError(Exception):
    """This caller may not see the record."""


class NotNowError(Exception):
    """The record is there, and cannot be read at present."""


class Records:
    """The records in one bucket, encrypted under one key."""

    def __init__(self, bucket: str, key_id: str) -> None:
        self.bucket = bucket
        self.key_id = key_id
        self.s3 = boto3.client("s3", config=PATIENT)
        self.secrets = boto3.client("secretsmanager", config=PATIENT)
        self.parameters = boto3.client("ssm", config=PATIENT)

    def save(self, patient: str, record: dict[str, Any]) -> None:
        """Store a patient's record, encrypted."""
        self.s3.put_object(
            Bucket=self.bucket,
            Key=self.name_of(patient),
            Body=json.dumps(record).encode(),
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self.key_id,
        )

    def load(self, patient: str) -> dict[str, Any]:
        """Return a patient's record. Raises NotAllowedError and NotNowError."""
        try:
            found = self.s3.get_object(Bucket=self.bucket, Key=self.name_of(patient))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ACCESS_DENIED:
                raise NotAllowedError(patient) from error
            if code.startswith("KMS."):
                raise NotNowError(patient) from error
            raise
        return json.loads(found["Body"].read())

    def name_of(self, patient: str) -> str:
        """Return the name of a patient's object, which only those find who may read the secret."""
        pepper = self.secrets.get_secret_value(SecretId=SECRET)["SecretString"]
        return hmac.new(pepper.encode(), patient.encode(), hashlib.sha256).hexdigest()

    def invite(self, patient: str, code: str, *, now: datetime | None = None) -> None:
        """Keep a code by which the patient signs in, for a week."""
        ends_at = (now or datetime.now(UTC)) + timedelta(days=7)
        expiration = {
            "Type": "Expiration",
            "Version": "1.0",
            "Attributes": {"Timestamp": ends_at.isoformat(timespec="milliseconds")},
        }
        self.parameters.put_parameter(
            Name=f"/records/codes/{self.name_of(patient)}",
            Value=code,
            Type="SecureString",
            KeyId=self.key_id,
            Tier="Advanced",
            Policies=json.dumps([expiration]),
        )

    def admits(self, patient: str, code: str) -> bool:
        """Tell whether a code lets a patient in."""
        name = f"/records/codes/{self.name_of(patient)}"
        try:
            kept = self.parameters.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        except self.parameters.exceptions.ParameterNotFound:
            return False
        return hmac.compare_digest(kept, code)
