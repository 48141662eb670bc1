"""The AWS SDK for JavaScript, unmodified: it is installed from npm for the test, and skipped where that can't be."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.running_server import RunningServer

VERSION = "3.1164.0"
PACKAGES = ("client-kms", "client-iam", "client-sts", "credential-providers")
KMS_SESSION = """
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

KEY_PAIR_SESSION = """
import { KMS } from "@aws-sdk/client-kms";
import { constants, createPublicKey, publicEncrypt, verify } from "node:crypto";

const kms = new KMS({ endpoint: process.env.AWS_ENDPOINT_URL, region: "us-east-1", maxAttempts: 1 });
const Message = Buffer.from("a letter from Node");
const publicKeyOf = async (KeyId) => {
  const { PublicKey } = await kms.getPublicKey({ KeyId });
  return createPublicKey({ key: Buffer.from(PublicKey), format: "der", type: "spki" });
};
const made = async (KeySpec, KeyUsage) => (await kms.createKey({ KeySpec, KeyUsage })).KeyMetadata.KeyId;

const opener = await made("RSA_2048", "ENCRYPT_DECRYPT");
const padding = constants.RSA_PKCS1_OAEP_PADDING;
const sealed = publicEncrypt({ key: await publicKeyOf(opener), padding, oaepHash: "sha256" }, Message);
const opened = await kms.decrypt({
  KeyId: opener, CiphertextBlob: sealed, EncryptionAlgorithm: "RSAES_OAEP_SHA_256",
});

const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
const verified = {};
for (const [spec, SigningAlgorithm, hash, options] of [
  ["RSA_2048", "RSASSA_PSS_SHA_256", "sha256", pss],
  ["RSA_2048", "RSASSA_PKCS1_V1_5_SHA_512", "sha512", {}],
  ["ECC_NIST_P256", "ECDSA_SHA_256", "sha256", {}],
  ["ECC_SECG_P256K1", "ECDSA_SHA_256", "sha256", {}],
  ["ECC_NIST_EDWARDS25519", "ED25519_SHA_512", null, {}],
]) {
  const KeyId = await made(spec, "SIGN_VERIFY");
  const { Signature } = await kms.sign({ KeyId, Message, SigningAlgorithm });
  const key = { key: await publicKeyOf(KeyId), ...options };
  const other = Buffer.from("another letter");
  const verdicts = [Message, other].map((message) => verify(hash, message, key, Signature));
  verified[`${spec} ${SigningAlgorithm}`] = verdicts;
}
console.log(JSON.stringify({ opened: Buffer.from(opened.Plaintext).toString(), verified }));
"""

ROLE_SESSION = """
import { IAM } from "@aws-sdk/client-iam";
import { KMS } from "@aws-sdk/client-kms";
import { STS } from "@aws-sdk/client-sts";
import { fromTemporaryCredentials } from "@aws-sdk/credential-providers";

const place = { endpoint: process.env.AWS_ENDPOINT_URL, region: "us-east-1", maxAttempts: 1 };
const iam = new IAM(place);
const document = (statement) => JSON.stringify({ Version: "2012-10-17", Statement: statement });
const UserName = "node-user", RoleName = "node-role";
const { User } = await iam.createUser({ UserName, Tags: [{ Key: "team", Value: "blue" }] });
const trust = document({ Effect: "Allow", Principal: { AWS: User.Arn }, Action: ["sts:AssumeRole", "sts:TagSession"] });
const { Role } = await iam.createRole({ RoleName, AssumeRolePolicyDocument: trust });
await iam.putRolePolicy({
  RoleName,
  PolicyName: "list",
  PolicyDocument: document({
    Effect: "Allow", Action: "kms:ListKeys", Resource: "*",
    Condition: { StringEquals: { "aws:PrincipalTag/project": "apollo" } },
  }),
});
const { AccessKey } = await iam.createAccessKey({ UserName });
const credentials = { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey };
const refusal = await new KMS({ ...place, credentials }).listKeys({}).catch((error) => error);
const assumed = (project) => fromTemporaryCredentials({
  masterCredentials: credentials,
  clientConfig: place,
  params: { RoleArn: Role.Arn, RoleSessionName: "node", Tags: [{ Key: "project", Value: project }] },
});
const listed = await new KMS({ ...place, credentials: assumed("apollo") }).listKeys({});
const other = await new KMS({ ...place, credentials: assumed("gemini") }).listKeys({}).catch((error) => error);
const { Arn } = await new STS({ ...place, credentials: assumed("apollo") }).getCallerIdentity({});
console.log(JSON.stringify({
  refusal: refusal.name,
  listed: Array.isArray(listed.Keys),
  other: other.name,
  arn: Arn,
  policy: decodeURIComponent((await iam.getRole({ RoleName })).Role.AssumeRolePolicyDocument) === trust,
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
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    command += [f"@aws-sdk/{name}@{VERSION}" for name in PACKAGES]
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip("npm took more than a minute to install the AWS SDK for JavaScript")
    if done.returncode != 0:
        pytest.skip(f"npm can't install the AWS SDK for JavaScript: {done.stderr.strip().splitlines()[-1:]}")
    return directory


def printed_by(script: str, server: RunningServer, project: Path) -> Any:
    (project / "session.js").write_text(script)
    environment = server.environment() | {"NODE_EXTRA_CA_CERTS": str(server.ca_bundle)}
    done = subprocess.run(
        ["node", "session.js"], cwd=project, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_there_and_back(server: RunningServer, project: Path) -> None:
    assert printed_by(KMS_SESSION, server, project) == {
        "state": "Enabled",
        "created": True,
        "opened": [0, 1, 2, 254, 255],
        "refusal": "InvalidCiphertextException",
        "status": 400,
        "hasRequestId": True,
    }


def test_node_encrypts_and_verifies_with_public_keys(server: RunningServer, project: Path) -> None:
    answer = printed_by(KEY_PAIR_SESSION, server, project)
    assert answer["opened"] == "a letter from Node"
    assert len(answer["verified"]) == 5
    assert all(verdicts == [True, False] for verdicts in answer["verified"].values()), answer


def test_a_user_a_role_and_its_session(server: RunningServer, project: Path) -> None:
    assert printed_by(ROLE_SESSION, server, project) == {
        "refusal": "AccessDeniedException",
        "listed": True,
        "other": "AccessDeniedException",
        "arn": "arn:aws:sts::000000000000:assumed-role/node-role/node",
        "policy": True,
    }
