"""Amazon's S3 Encryption Client for Python: encrypted before it is sent, with a data key of our KMS.

It pins a version of `cryptography` that the server does not run on, so that it gets an environment of its own.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.running_server import RunningServer

PACKAGE = "amazon-s3-encryption-client-python==4.0.0"
INSTALL_SECONDS_MAX = 90
SESSION = """
import json, os
import boto3
from s3_encryption import S3EncryptionClient, S3EncryptionClientConfig
from s3_encryption.materials.kms_keyring import KmsKeyring

s3, kms = boto3.client("s3"), boto3.client("kms")
key_id = kms.create_key()["KeyMetadata"]["Arn"]
s3.create_bucket(Bucket="client-side")
client = S3EncryptionClient(s3, S3EncryptionClientConfig(KmsKeyring(kms, key_id)))
content = os.urandom(100_000)
client.put_object(Bucket="client-side", Key="a", Body=content)
plain = boto3.client("s3")
stored = plain.get_object(Bucket="client-side", Key="a")
print(json.dumps({
    "same": client.get_object(Bucket="client-side", Key="a")["Body"].read() == content,
    "hidden": content[:64] not in stored["Body"].read(),
    "wrapped": any(name.startswith("x-amz-") for name in stored["Metadata"]),
}))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the client in it."""
    directory = tmp_path_factory.mktemp("encryption-client")
    subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
    python = directory / "bin" / "python"
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        pytest.skip(f"pip took more than {INSTALL_SECONDS_MAX} seconds to install {PACKAGE}")
    if done.returncode != 0:
        pytest.skip(f"pip can't install {PACKAGE}: {done.stderr.strip().splitlines()[-1:]}")
    return python


def test_there_and_back(server: RunningServer, python: Path) -> None:
    done = subprocess.run(
        [str(python), "-c", SESSION], env=server.environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == {"same": True, "hidden": True, "wrapped": True}
