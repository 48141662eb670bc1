"""Versions of functions as calls see them: all that is frozen when a version is published.

Source: AWS Lambda Developer Guide, "Manage Lambda function versions"; API Reference, FunctionConfiguration.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from strongroom.services.lambda_.function_name import LATEST, qualified

RESOURCE_TYPE = "AWS::Lambda::Function"


class Code(NamedTuple):
    """An archive as it was uploaded: where its bytes are found, its hash in base64, its size zipped and unzipped.

    `kms_key_arn` is the customer's KMS key that it is encrypted under, None for Lambda's own.
    """

    code_id: str
    sha256: str
    size: int
    unzipped_size: int
    kms_key_arn: str | None = None


class UsedLayer(NamedTuple):
    """A version of a layer that a function uses, by its ARN with the number, and its archive."""

    arn: str
    code: Code


class SealedVariables(NamedTuple):
    """Environment variables, encrypted: the ciphertext, its data key as KMS encrypted it, and the KMS key's ARN."""

    ciphertext: bytes
    data_key: bytes
    key_arn: str


@dataclass(frozen=True, slots=True, eq=False)
class FunctionVersion:
    """One version of a function, as it was when it was read. A change makes the caches forget it.

    `number` is 0 for `$LATEST`, the one that still changes. `settings` are the members of FunctionConfiguration that
    are frozen with the version, under AWS's names and with every default filled in; the properties below read them.
    `variables` is None for a function without environment variables. `modified_at` is in seconds since the epoch.
    """

    account_id: str
    region: str
    name: str
    function_arn: str
    number: int
    revision_id: str
    modified_at: float
    settings: Mapping[str, Any]
    code: Code
    layers: tuple[UsedLayer, ...] = ()
    variables: SealedVariables | None = field(default=None, repr=False)

    @property
    def version(self) -> str:
        """`$LATEST`, or the number as text."""
        return LATEST if self.number == 0 else str(self.number)

    @property
    def qualified_arn(self) -> str:
        """The version's own ARN: the function's, with the version."""
        return qualified(self.function_arn, self.version)

    @property
    def role_arn(self) -> str:
        """The execution role."""
        return str(self.settings["Role"])

    @property
    def runtime(self) -> str:
        """`python3.12`, `provided.al2023` ..."""
        return str(self.settings["Runtime"])

    @property
    def handler(self) -> str:
        """What the runtime is told to call (`module.function`)."""
        return str(self.settings["Handler"])

    @property
    def timeout_seconds(self) -> int:
        """How long one invocation may take."""
        return int(self.settings["Timeout"])

    @property
    def memory_mb(self) -> int:
        """Memory in MiB."""
        return int(self.settings["MemorySize"])

    @property
    def ephemeral_storage_mb(self) -> int:
        """The size of /tmp in MiB."""
        return int(self.settings["EphemeralStorage"]["Size"])

    @property
    def architecture(self) -> str:
        """`x86_64` or `arm64`."""
        return str(self.settings["Architectures"][0])

    @property
    def kms_key_arn(self) -> str | None:
        """The customer's KMS key for the environment variables; None for the AWS managed key."""
        return self.settings.get("KMSKeyArn")

    @property
    def log_group(self) -> str:
        """The log group that the function's output goes to."""
        return str(self.settings["LoggingConfig"]["LogGroup"])

    @property
    def log_format(self) -> str:
        """`Text` or `JSON`."""
        return str(self.settings["LoggingConfig"]["LogFormat"])

    @property
    def logging(self) -> Mapping[str, Any]:
        """All of LoggingConfig: with the format JSON also `ApplicationLogLevel` and `SystemLogLevel`."""
        logging: Mapping[str, Any] = self.settings["LoggingConfig"]
        return logging

    @property
    def dead_letter_target(self) -> str | None:
        """The ARN of the queue or topic for events that could not be processed."""
        return (self.settings.get("DeadLetterConfig") or {}).get("TargetArn")

    @property
    def vpc(self) -> Mapping[str, Any] | None:
        """VpcConfig, None for a function without a network of the account's."""
        return self.settings.get("VpcConfig")

    @property
    def state(self) -> str:
        """Functions are there as soon as they are made."""
        return "Active"
