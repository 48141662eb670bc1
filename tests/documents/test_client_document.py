"""The Python blocks of docs/client.md, run one after the other, with everything from the environment."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.running_server import RunningServer

DOCUMENT = Path(__file__).parents[2] / "docs" / "client.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


def test_the_blocks_of_the_document_run(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    Path("report.pdf").write_bytes(b"%PDF" + b"x" * 100_000)
    arns = [made_key(server, region, name) for region in ("us-east-1", "eu-central-1") for name in ("app", "backup")]
    names: dict[str, Any] = {"account_id": arns[0].split(":")[4]}
    assert len(BLOCKS) >= 7
    for block in BLOCKS:
        exec(compile(block, str(DOCUMENT), "exec"), names)
    assert Path("report-again.pdf").read_bytes() == Path("report.pdf").read_bytes()
    assert "has not the required value of 'tenant'" in capsys.readouterr().out


def made_key(server: RunningServer, region: str, name: str) -> str:
    kms = server.client("kms", region=region)
    arn: str = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=arn)
    return arn
