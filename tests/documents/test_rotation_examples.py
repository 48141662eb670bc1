"""The rotation functions of docs/examples, run as they are: in Lambda, called by Secrets Manager."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.rotation_functions.functions import ACCOUNT, make_function, must_be_contained, rotate, rotates
from tests.running_server import RunningServer, running_server

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


class Api(ThreadingHTTPServer):
    """An API with one token."""

    token = "the-first-token"

    class RequestHandlerClass(BaseHTTPRequestHandler):
        """Lets in who shows the token, and takes a new one by PUT."""

        server: "Api"

        def do_GET(self) -> None:
            good = self.headers["Authorization"] == f"Bearer {self.server.token}"
            self.send_response(200 if good else 401)
            self.end_headers()

        def do_PUT(self) -> None:
            good = self.headers["Authorization"] == f"Bearer {self.server.token}"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if good:
                self.server.token = json.loads(body)["token"]
            self.send_response(200 if good else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.RequestHandlerClass)
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    api = Api()
    yield api
    api.shutdown()


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory, api: Api) -> Iterator[RunningServer]:
    must_be_contained()
    options = ("--outbound-addresses", f"localhost:{api.server_port}")
    with running_server(tmp_path_factory.mktemp("examples"), options=options) as running:
        yield running


def test_a_token_of_an_http_api(examples: RunningServer, api: Api) -> None:
    name, place = "rotate-token", f"localhost:{api.server_port}"
    code = (EXAMPLES / "rotate_http_api.py").read_text()
    statements = rotates(f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}")
    arn = make_function(examples, name, code, statements=statements, tags={"strongroom:network": place})
    values = {"url": f"http://{place}/token", "token": api.token, "note": "kept"}
    secrets = examples.client("secretsmanager")
    secret_id = secrets.create_secret(Name="token", SecretString=json.dumps(values))["ARN"]
    seen = {api.token}
    for _ in range(2):
        rotated = rotate(examples, secret_id, arn)
        assert rotated["token"] == api.token
        seen.add(api.token)
    assert len(seen) == 3
    assert rotated["note"] == "kept"


def test_an_access_key(examples: RunningServer) -> None:
    name, iam = "rotate-key", examples.client("iam")
    user = iam.create_user(UserName="backup")["User"]["Arn"]
    actions = ["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:ListAccessKeys"]
    statements = rotates(f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}")
    statements.append({"Effect": "Allow", "Action": actions, "Resource": user})
    code = (EXAMPLES / "rotate_iam_access_key.py").read_text()
    arn = make_function(examples, name, code, statements=statements)
    made = iam.create_access_key(UserName="backup")["AccessKey"]
    values = {
        "user_name": "backup",
        "access_key_id": made["AccessKeyId"],
        "secret_access_key": made["SecretAccessKey"],
    }
    secrets = examples.client("secretsmanager")
    secret_id = secrets.create_secret(Name="key", SecretString=json.dumps(values))["ARN"]
    keys = [values]
    for _ in range(3):
        keys.append(rotate(examples, secret_id, arn))
        # The one before is good until the next rotation.
        for key in keys[-2:]:
            sts = examples.client(
                "sts", aws_access_key_id=key["access_key_id"], aws_secret_access_key=key["secret_access_key"]
            )
            assert sts.get_caller_identity()["Arn"] == user
    kept = {key["AccessKeyId"] for key in iam.list_access_keys(UserName="backup")["AccessKeyMetadata"]}
    assert kept == {key["access_key_id"] for key in keys[-2:]}
