"""The AWS SDK for JavaScript, unmodified: it is installed from npm for the test, and skipped where that can't be."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.running_server import RunningServer

PACKAGE = "@aws-sdk/client-kms@3.1164.0"
SCRIPT = """
import { KMS } from "@aws-sdk/client-kms";

const kms = new KMS({ endpoint: process.env.AWS_ENDPOINT_URL, region: "us-east-1", maxAttempts: 1 });
const { KeyMetadata } = await kms.createKey({ Description: "from Node", Tags: [{ TagKey: "a", TagValue: "ü" }] });
const EncryptionContext = { vault: "north" };
const Plaintext = new Uint8Array([0, 1, 2, 254, 255]);
const { CiphertextBlob } = await kms.encrypt({ KeyId: KeyMetadata.KeyId, Plaintext, EncryptionContext });
const opened = await kms.decrypt({ CiphertextBlob, EncryptionContext });
const refusal = await kms.decrypt({ CiphertextBlob, EncryptionContext: { vault: "south" } }).catch((error) => error);
console.log(JSON.stringify({
  state: KeyMetadata.KeyState,
  created: KeyMetadata.CreationDate instanceof Date,
  opened: [...opened.Plaintext],
  refusal: refusal.name,
  status: refusal.$metadata.httpStatusCode,
  hasRequestId: typeof refusal.$metadata.requestId === "string",
}));
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which the SDK is installed."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("Node.js is not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < 20:
        pytest.skip(f"the AWS SDK for JavaScript needs Node.js 20, this is {version}")
    directory = tmp_path_factory.mktemp("node")
    (directory / "package.json").write_text('{"private": true, "type": "module"}')
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE]
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip("npm took more than a minute to install the AWS SDK for JavaScript")
    if done.returncode != 0:
        pytest.skip(f"npm can't install the AWS SDK for JavaScript: {done.stderr.strip().splitlines()[-1:]}")
    return directory


def test_there_and_back(server: RunningServer, project: Path) -> None:
    (project / "session.js").write_text(SCRIPT)
    environment = server.environment() | {"NODE_EXTRA_CA_CERTS": str(server.ca_bundle)}
    done = subprocess.run(
        ["node", "session.js"], cwd=project, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "state": "Enabled",
        "created": True,
        "opened": [0, 1, 2, 254, 255],
        "refusal": "InvalidCiphertextException",
        "status": 400,
        "hasRequestId": True,
    }
