"""A folder of many files, uploaded and downloaded by the tools that people use for it.

The larger one, of 10,000 files and 2 GB, takes minutes: `make test ARGS="-m slow tests/clients"`.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.clients.installed import installed
from tests.running_server import RunningServer

SIZES = (0, 1, 700, 5_000, 20_000, 70_000)
LARGE_BYTES = 20 * 1024 * 1024
"""More than a tool uploads in one piece."""


class Extent(NamedTuple):
    """How many files a folder has besides the large one, and how large each is, one of these at random."""

    files: int
    sizes: tuple[int, ...]


USUAL = Extent(999, SIZES)
WHOLE = Extent(9_999, (0, 1, 700, 20_000, 70_000, 1_100_000))
"""About 2 GB: a sixth of the files has 1.1 MB."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(USUAL, id="1,000 files"), pytest.param(WHOLE, id="10,000 files", marks=pytest.mark.slow)],
)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Files of many sizes, in folders, some with names that have to be escaped."""
    root = tmp_path_factory.mktemp("folder")
    extent: Extent = request.param
    chosen = random.Random(7)
    for number in range(extent.files):
        name = f"{number:04d} ä+&=%2F.bin" if number % 50 == 0 else f"{number:04d}.bin"
        path = root / f"{number % 7}" / f"{number % 11}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chosen.randbytes(chosen.choice(extent.sizes)))
    (root / "large.bin").write_bytes(chosen.randbytes(LARGE_BYTES))
    yield root
    shutil.rmtree(root)


def run(command: list[str], server: RunningServer, **variables: str) -> str:
    """Run a client against the server; return what it prints."""
    environment = server.environment() | variables
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def tool(name: str) -> str:
    """Return the path of a program of the system; skip the test where it is not installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def must_be_same(one: Path, other: Path) -> None:
    done = subprocess.run(["diff", "-r", str(one), str(other)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[:2000]


def test_aws_cli_sync(server: RunningServer, folder: Path, tmp_path: Path) -> None:
    aws = [installed("aws"), "s3"]
    run([*aws, "mb", "s3://aws-cli"], server)
    run([*aws, "sync", "--only-show-errors", str(folder), "s3://aws-cli/all"], server)
    assert run([*aws, "sync", str(folder), "s3://aws-cli/all"], server) == ""
    run([*aws, "sync", "--only-show-errors", "s3://aws-cli/all", str(tmp_path / "back")], server)
    must_be_same(folder, tmp_path / "back")
    run([*aws, "rb", "--force", "s3://aws-cli"], server)


def test_s5cmd(server: RunningServer, folder: Path, tmp_path: Path) -> None:
    s5cmd = [installed("s5cmd"), "--endpoint-url", server.https, "--log", "error"]
    authority = {"SSL_CERT_FILE": str(server.ca_bundle), "AWS_REGION": "us-east-1"}
    run([*s5cmd, "mb", "s3://s5cmd"], server, **authority)
    run([*s5cmd, "cp", f"{folder}/", "s3://s5cmd/all/"], server, **authority)
    run([*s5cmd, "cp", "s3://s5cmd/all/*", f"{tmp_path}/back/"], server, **authority)
    must_be_same(folder, tmp_path / "back")
    run([*s5cmd, "rm", "s3://s5cmd/*"], server, **authority)
    run([*s5cmd, "rb", "s3://s5cmd"], server, **authority)


def test_rclone(server: RunningServer, folder: Path, tmp_path: Path) -> None:
    rclone = [tool("rclone"), "--config", str(tmp_path / "none.conf"), "--ca-cert", str(server.ca_bundle)]
    # It takes its own word for the authorities, and dies of the variable that AWS's clients read.
    place = {
        "AWS_CA_BUNDLE": "",
        "RCLONE_CONFIG_HERE_TYPE": "s3",
        "RCLONE_CONFIG_HERE_PROVIDER": "Other",
        "RCLONE_CONFIG_HERE_ENV_AUTH": "true",
        "RCLONE_CONFIG_HERE_REGION": "us-east-1",
        "RCLONE_CONFIG_HERE_ENDPOINT": server.https,
        "RCLONE_CONFIG_HERE_FORCE_PATH_STYLE": "true",
        # The only ACL that a bucket takes whose owner owns every object; older versions send another one unasked.
        "RCLONE_CONFIG_HERE_ACL": "bucket-owner-full-control",
        "RCLONE_CONFIG_HERE_BUCKET_ACL": "private",
    }
    run([*rclone, "sync", "--transfers", "8", str(folder), "here:rclone/all"], server, **place)
    run([*rclone, "check", "--checkers", "8", str(folder), "here:rclone/all"], server, **place)
    run([*rclone, "copy", "--transfers", "8", "here:rclone/all", str(tmp_path / "back")], server, **place)
    must_be_same(folder, tmp_path / "back")
    run([*rclone, "purge", "here:rclone"], server, **place)


def test_restic(server: RunningServer, folder: Path, tmp_path: Path) -> None:
    restic = [
        tool("restic"),
        "--cacert",
        str(server.ca_bundle),
        "--no-cache",
        "--repo",
        f"s3:{server.https}/restic/one",
    ]
    secret = {"RESTIC_PASSWORD": "a passphrase of restic's own"}
    run([*restic, "init"], server, **secret)
    run([*restic, "backup", str(folder)], server, **secret)
    os.truncate(folder / "large.bin", LARGE_BYTES - 1)
    run([*restic, "backup", str(folder)], server, **secret)
    run([*restic, "check", "--read-data"], server, **secret)
    run([*restic, "restore", "latest", "--target", str(tmp_path)], server, **secret)
    must_be_same(folder, tmp_path / folder.relative_to("/"))
    run([*restic, "forget", "--keep-last", "1", "--prune"], server, **secret)
