"""`strongroom rotation`: what there is, zip files that need nothing else, and functions on a server."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.cli.operators_command import strongroom
from tests.running_server import RunningServer

from strongroom.base.errors import OperatorError
from strongroom.cli.rotation import list_, zip_
from strongroom.cli.rotation_install import Installation, role_policy
from strongroom.cli.rotation_package import READY_MADE, package, ready_made

_USE = """
import importlib, sys, types
sys.path.insert(0, sys.argv[1])
sys.modules["boto3"] = types.ModuleType("boto3")
module, _, name = sys.argv[2].rpartition(".")
entry = getattr(importlib.import_module(module), name)
from rotation_functions.engine import Login, LoginError
engine = importlib.import_module("rotation_functions.handlers").engine_named(sys.argv[3])
try:
    with engine.open(Login("127.0.0.1", 1, "user", "word", None)):
        pass
except LoginError as refused:
    print(entry.__name__, refused)
"""


def test_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    list_()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(READY_MADE)
    assert lines[0] == "postgresql-single-user        PostgreSQL: one user, whose password changes"
    with pytest.raises(OperatorError, match="there are: postgresql-single-user"):
        ready_made("oracle")


@pytest.mark.parametrize("name", READY_MADE)
def test_a_zip_file_needs_nothing_else(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """But boto3, which every function finds."""
    zip_(name, tmp_path / "function.zip")
    handler = READY_MADE[name].handler
    assert capsys.readouterr().out == f"{tmp_path / 'function.zip'}: handler {handler}\n"
    with zipfile.ZipFile(tmp_path / "function.zip") as archive:
        archive.extractall(tmp_path / "task")
    command = [sys.executable, "-I", "-S", "-c", _USE, str(tmp_path / "task"), handler, name.split("-", maxsplit=1)[0]]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert handler.rpartition(".")[2] in done.stdout
    assert "refused" in done.stdout


def test_the_same_bytes(tmp_path: Path) -> None:
    function = ready_made("mysql-single-user")
    assert package(function) == package(function)
    authority = tmp_path / "ca.pem"
    authority.write_text("certificates")
    with_authority = package(function, authority)
    assert zipfile.ZipFile(io.BytesIO(with_authority)).read("rotation_functions/database-ca.pem") == b"certificates"
    with pytest.raises(OperatorError, match="cannot be read"):
        package(function, tmp_path / "nothing")


def test_what_the_role_may() -> None:
    arn = "arn:aws:lambda:eu-west-1:111122223333:function:f"
    bare = role_policy(Installation(function=ready_made("mysql-single-user"), name="f"), arn)
    actions = [action for each in bare["Statement"] for action in _listed(each["Action"])]
    assert not [action for action in actions if action.startswith(("kms:", "rds:")) or "*" in action]
    reads = next(each for each in bare["Statement"] if "secretsmanager:GetSecretValue" in each["Action"])
    assert reads["Condition"] == {"StringEquals": {"secretsmanager:resource/AllowRotationLambdaArn": arn}}
    secret, key = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s", "arn:aws:kms:eu-west-1:111122223333:key/k"
    full = Installation(
        function=ready_made("mysql-alternating-users"), name="f", superuser_secrets=[secret], kms_keys=[key]
    )
    by_id = {each["Sid"]: each for each in role_policy(full, arn)["Statement"]}
    assert by_id["ReadSuperuser"]["Resource"] == [secret]
    assert by_id["UseKeysOfSecrets"]["Resource"] == [key]
    assert by_id["UseKeysOfSecrets"]["Condition"] == {
        "StringEquals": {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}
    }


def _listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions


def test_a_function_is_installed_and_brought_up_to_date(server: RunningServer) -> None:
    told = strongroom(server, "rotation", "install", "mysql-alternating-users", status=2)
    assert "--superuser-secret" in told
    options = ["mysql-single-user", "--function-name", "rotate-shop", "--region", "eu-west-1"]
    arn = strongroom(server, "rotation", "install", *options, "--network", "db:3306", "--network", "db:3307").strip()
    assert arn == "arn:aws:lambda:eu-west-1:000000000000:function:rotate-shop"
    functions = server.client("lambda", region="eu-west-1")
    first = functions.get_function(FunctionName="rotate-shop")
    assert first["Tags"] == {"strongroom:network": "db:3306 db:3307"}
    assert first["Configuration"]["Handler"] == "rotation_functions.handlers.mysql_single_user"
    assert strongroom(server, "rotation", "install", *options, "--exclude-characters", "%$").strip() == arn
    second = functions.get_function(FunctionName="rotate-shop")
    assert "Tags" not in second
    assert second["Configuration"]["Environment"] == {"Variables": {"EXCLUDE_CHARACTERS": "%$"}}
    assert second["Configuration"]["CodeSha256"] == first["Configuration"]["CodeSha256"]
    policy = json.loads(functions.get_policy(FunctionName="rotate-shop")["Policy"])
    [statement] = policy["Statement"]
    assert statement["Principal"] == {"Service": "secretsmanager.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceAccount": "000000000000"}}
    iam = server.client("iam")
    assert iam.get_role_policy(RoleName="rotate-shop", PolicyName="rotation")["PolicyDocument"]["Statement"]
