"""`strongroom encrypt` and `strongroom decrypt`, on files, folders and pipes."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.operators_command import command_line
from tests.running_server import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, RunningServer

from strongroom.base.errors import OperatorError
from strongroom.cli import kms_connection
from strongroom.cli.application import application
from strongroom.cli.store_options import StoreOptions

TEXT = "the ledger of the north vault\n" * 4000


@pytest.fixture(scope="module")
def key(kms: Any) -> str:
    """The alias of a key."""
    kms.create_alias(AliasName="alias/vault", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    return "alias/vault"


@pytest.fixture
def folder(server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a file, where AWS's variables name the server."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ledger").write_text(TEXT)
    return tmp_path


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process, and return its exit status, output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            application(arguments, exit_on_error=False, print_error=False, result_action="return_value")
            status = 0
        except SystemExit as end:
            status = int(str(end.code))
        shown = capfd.readouterr()
        return status, shown.out, shown.err

    return run


def test_a_file_there_and_back(folder: Path, key: str, run: Any) -> None:
    assert run("encrypt", "--key", key, "--context", "vault=north", "ledger") == (0, "", "")
    message = (folder / "ledger.encrypted").read_bytes()
    assert b"north vault" not in message
    assert sorted(os.listdir(folder)) == ["ledger", "ledger.encrypted"]
    (folder / "ledger").unlink()
    assert run("decrypt", "--context", "vault=north", "ledger.encrypted") == (0, "", "")
    assert (folder / "ledger").read_text() == TEXT
    assert (folder / "ledger").stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(folder)) == ["ledger", "ledger.encrypted"]


def test_nothing_is_replaced_without_force(folder: Path, key: str, run: Any) -> None:
    (folder / "ledger.encrypted").write_text("mine")
    status, _, errors = run("encrypt", "--key", key, "ledger")
    assert (status, errors) == (1, "strongroom: ledger: ledger.encrypted is there already; --force replaces it\n")
    assert (folder / "ledger.encrypted").read_text() == "mine"
    assert run("encrypt", "--key", key, "--force", "ledger")[0] == 0
    (folder / "ledger").write_text("newer")
    assert run("decrypt", "ledger.encrypted")[0] == 1
    assert (folder / "ledger").read_text() == "newer"
    assert run("decrypt", "--force", "ledger.encrypted")[0] == 0
    assert (folder / "ledger").read_text() == TEXT
    assert sorted(os.listdir(folder)) == ["ledger", "ledger.encrypted"]


def test_what_is_in_the_way_is_named(folder: Path, key: str, run: Any) -> None:
    status, _, errors = run("encrypt", "--key", key, "ledger", "--output", "ledger/x")
    assert (status, errors) == (1, "strongroom: ledger: ledger is not a folder\n")
    (folder / "deep").mkdir()
    (folder / "deep" / "file").touch()
    (folder / "out").mkdir()
    (folder / "out" / "deep").touch()
    status, _, errors = run("encrypt", "--key", key, ".", "--output", "out")
    assert (status, errors) == (1, "strongroom: deep/file: out/deep is not a folder\n")


def test_a_pipe_is_not_replaced(folder: Path, key: str, run: Any) -> None:
    os.mkfifo(folder / "pipe")
    status, _, errors = run("encrypt", "--key", key, "ledger", "--output", "pipe", "--force")
    assert (status, errors) == (1, "strongroom: ledger: pipe is not a regular file, and is not replaced\n")
    assert (folder / "pipe").is_fifo()


def test_files_that_are_named_like_options(folder: Path, key: str, run: Any) -> None:
    (folder / "-").write_text("hyphen")
    (folder / "--x").write_text("hyphens")
    assert run("encrypt", "--key", key, "./-", "./--x") == (0, "", "")
    (folder / "-").unlink()
    (folder / "--x").unlink()
    assert run("decrypt", "./-.encrypted", "./--x.encrypted") == (0, "", "")
    assert ((folder / "-").read_text(), (folder / "--x").read_text()) == ("hyphen", "hyphens")
    assert run("decrypt", "--force", "./--x.encrypted", "--output", "./-") == (0, "", "")
    assert (folder / "-").read_text() == "hyphens"
    # In a folder as well.
    assert run("encrypt", "--key", key, ".", "--output", "sealed")[0] == 0
    assert sorted(os.listdir(folder / "sealed")) == ["--x.encrypted", "-.encrypted", "ledger.encrypted"]


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ('encrypt --key "$0" - >&-', "strongroom: standard input: standard output is closed\n"),
        ('encrypt --key "$0" - --output x <&-', "strongroom: standard input: it is closed\n"),
    ],
)
def test_streams_that_are_closed(folder: Path, key: str, command: str, complaint: str) -> None:
    shell = ["sh", "-c", f"{sys.executable} -m strongroom.cli {command}", key]
    done = subprocess.run(shell, input="x", capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", complaint)
    assert os.listdir(folder) == ["ledger"]


@pytest.mark.parametrize(
    "settings",
    [
        "[default]\nregion = eu-west-1\nendpoint_url = https://kms.example\n",
        "[default]\nregion = eu-west-1\nservices = own\n[services own]\nkms =\n  endpoint_url = https://kms.example\n",
    ],
    ids=["profile", "services"],
)
def test_an_endpoint_in_a_file_is_asked(tmp_path: Path, settings: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text(settings)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setattr(kms_connection, "_local_server", lambda *_: pytest.fail("the server of this machine"))
    assert kms_connection.kms_calls(StoreOptions())._client(None).meta.endpoint_url == "https://kms.example"


def test_an_altered_file_leaves_nothing_and_the_others_go_on(folder: Path, key: str, run: Any) -> None:
    for name in ("one", "two", "three", "four"):
        (folder / name).write_text(name)
    assert run("encrypt", "--key", key, "one", "two", "three", "four")[0] == 0
    one = bytearray((folder / "one.encrypted").read_bytes())
    one[-3] ^= 1
    (folder / "one.encrypted").write_bytes(one)
    (folder / "two.encrypted").write_bytes((folder / "two.encrypted").read_bytes()[:-1])
    (folder / "three.encrypted").write_bytes(b"no message")
    names = [f"{name}.encrypted" for name in ("one", "two", "three", "four")]
    status, _, errors = run("decrypt", "--output", "opened", *names)
    assert status == 1
    assert errors.splitlines() == [
        "strongroom: one.encrypted: the message's signature does not hold",
        "strongroom: two.encrypted: the message is cut off in its signature",
        "strongroom: three.encrypted: this is not a message in the AWS Encryption SDK's format",
    ]
    assert os.listdir(folder / "opened") == ["four"]
    assert (folder / "opened" / "four").read_text() == "four"


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_folders(folder: Path, key: str, run: Any) -> None:
    tree = {"a": "1", "deep/b": "2", "deep/deeper/c": "3", ".hidden": "4", "empty": ""}
    for name, content in tree.items():
        path = folder / "plain" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (folder / "plain" / "link").symlink_to("a")
    (folder / "plain" / "away").symlink_to(folder)
    os.mkfifo(folder / "plain" / "pipe")
    status, _, errors = run("encrypt", "--key", key, "plain", "--output", "sealed")
    assert (status, sorted(errors.splitlines())) == (
        0,
        [
            "strongroom: plain/away is a link to a folder, and is passed over",
            "strongroom: plain/pipe is not a regular file, and is passed over",
        ],
    )
    found = sorted(
        str(path.relative_to(folder / "sealed")) for path in (folder / "sealed").rglob("*") if path.is_file()
    )
    assert found == sorted(f"{name}.encrypted" for name in (*tree, "link"))
    (folder / "sealed" / "deep" / "note").write_text("no message, and not meant")
    assert run("decrypt", "sealed", "--output", "opened")[0] == 0
    opened = {
        str(path.relative_to(folder / "opened")): path.read_text()
        for path in (folder / "opened").rglob("*")
        if path.is_file()
    }
    assert opened == tree | {"link": "1"}
    # Beside what they were made of, and once only.
    assert run("encrypt", "--key", key, "plain/deep") == (0, "", "")
    assert run("encrypt", "--key", key, "--force", "plain/deep")[::2] == (
        0,
        "strongroom: plain/deep/b.encrypted is encrypted, by its name, and is passed over\n"
        "strongroom: plain/deep/deeper/c.encrypted is encrypted, by its name, and is passed over\n",
    )
    assert sorted(os.listdir(folder / "plain" / "deep")) == ["b", "b.encrypted", "deeper"]


def test_an_output_folder_within_the_folder_is_not_gone_through(folder: Path, key: str, run: Any) -> None:
    for _ in range(2):
        assert run("encrypt", "--key", key, ".", "--output", "sealed", "--force")[0] == 0
        assert sorted(contents(folder)) == ["ledger", "sealed/ledger.encrypted"]
    assert run("decrypt", ".", "--output", "sealed/opened")[0] == 0
    assert (folder / "sealed" / "opened" / "sealed" / "ledger").read_text() == TEXT


def test_encrypted_bytes_go_to_a_terminal_only_if_asked_for(folder: Path, key: str) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "strongroom.cli", "encrypt", "--key", key, "-"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    os.close(ours)
    assert (done.returncode, b"standard output is a terminal" in done.stderr) == (2, True)


def test_standard_input_and_output(server: RunningServer, key: str, tmp_path: Path) -> None:
    environment = server.environment()
    strongroom = [sys.executable, "-m", "strongroom.cli"]
    content = os.urandom(3_000_000)
    sealed = subprocess.run(
        [*strongroom, "encrypt", "-", "--key", key], input=content, env=environment, capture_output=True
    )
    assert (sealed.returncode, sealed.stderr) == (0, b"")
    opened = subprocess.run([*strongroom, "decrypt", "-"], input=sealed.stdout, env=environment, capture_output=True)
    assert (opened.returncode, opened.stderr, opened.stdout) == (0, b"", content)
    broken = subprocess.run(
        [*strongroom, "decrypt", "-"], input=sealed.stdout[:-1], env=environment, capture_output=True
    )
    assert broken.returncode == 1
    assert broken.stderr.decode() == (
        "strongroom: standard input: the message is cut off in its signature; standard output does not have all of it\n"
    )
    assert content.startswith(broken.stdout)
    assert len(broken.stdout) < len(content)


def test_a_bar_on_a_terminal(folder: Path, key: str) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "strongroom.cli", "encrypt", "--key", key, "ledger"]
    done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=os.environ | {"TERM": "xterm"})
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # EIO is a terminal's end.
        while more := os.read(ours, 65536):
            shown += more
    os.close(ours)
    assert (done.wait(timeout=60), done.stdout.read() if done.stdout else None) == (0, b"")
    assert b"ledger" in shown
    assert b"120.0/120.0 kB" in shown


def test_killed_it_leaves_no_plaintext(server: RunningServer, folder: Path, key: str, run: Any) -> None:
    (folder / "large").write_bytes(os.urandom(9_000_000))
    assert run("encrypt", "--key", key, "--no-signature", "large")[0] == 0
    os.mkfifo(folder / "pipe")
    command = [sys.executable, "-m", "strongroom.cli", "decrypt", "pipe", "--output", "opened/it"]
    process = subprocess.Popen(command, cwd=folder, env=server.environment())
    with (folder / "pipe").open("wb", buffering=0) as pipe:
        pipe.write((folder / "large.encrypted").read_bytes()[:-500_000])
        # All but the last megabytes has been read, hence was written.
        process.kill()
        process.wait(timeout=60)
    assert os.listdir(folder / "opened") == []


def test_one_interruption_is_enough_where_nobody_reads(folder: Path, key: str, run: Any) -> None:
    (folder / "large").write_bytes(bytes(9_000_000))
    assert run("encrypt", "--key", key, "--no-signature", "large")[0] == 0
    command = [sys.executable, "-m", "strongroom.cli", "decrypt", "large.encrypted", "--output", "-"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert len(process.stdout.read(1)) == 1
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(timeout=20) == 130
        finally:
            process.kill()


def test_when_kms_is_not_reached_the_others_are_not_tried(
    folder: Path, key: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (folder / name).write_text(name)
    assert run("encrypt", "--key", key, "one", "two")[0] == 0
    monkeypatch.setattr(kms_connection, "SECONDS_MAX", 0.01)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    status, _, errors = run("encrypt", "--key", key, "ledger", "one", "two", "--output", "out")
    lines = errors.splitlines()
    assert (status, len(lines)) == (1, 2)
    assert lines[0].startswith('strongroom: ledger: Could not connect to the endpoint URL: "http://127.0.0.1:9/"')
    assert lines[1] == "strongroom: KMS is not reached; files that were not tried: 2"
    # What is to be read may be under keys of different Regions.
    status, _, errors = run("decrypt", "one.encrypted", "two.encrypted", "--output", "out")
    assert (status, errors.count("EndpointConnectionError")) == (1, 2)
    assert os.listdir(folder / "out") == []


def test_standard_output_by_name(folder: Path, key: str, run: Any) -> None:
    assert run("encrypt", "--key", key, "--no-signature", "ledger")[0] == 0
    assert run("decrypt", "ledger.encrypted", "--output", "-") == (0, TEXT, "")


def test_inspect_calls_nobody(folder: Path, key: str, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run("encrypt", "--key", key, "--context", "vault=north\n", "ledger")
    run("encrypt", "--key", key, "--no-signature", "ledger", "--output", "other")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    status, output, errors = run("decrypt", "--inspect", "ledger.encrypted", "other")
    assert (status, errors) == (0, "")
    assert "ledger.encrypted (not authenticated" in output
    assert "0x0578 (AES-256-GCM, HKDF-SHA512, key commitment, ECDSA P-384)" in output
    assert "0x0478 (AES-256-GCM, HKDF-SHA512, key commitment)\n" in output
    assert "  encryption context  vault=north\\n\n" in output
    assert "frames of 65,536 bytes" in output
    assert output.count("arn:aws:kms:us-east-1:000000000000:key/") == 2
    assert run("decrypt", "--inspect", "ledger", "other")[::2] == (
        1,
        "strongroom: ledger: this is not a message in the AWS Encryption SDK's format\n",
    )


def test_several_keys_and_a_disabled_one(folder: Path, kms: Any, run: Any) -> None:
    ids = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(3)]
    assert run("encrypt", "--key", ids[0], "--key", ids[1], "ledger")[0] == 0
    assert run("decrypt", "--key", ids[2], "ledger.encrypted", "--output", "x")[0] == 1
    assert run("decrypt", "--key", ids[1], "ledger.encrypted", "--output", "by-second")[0] == 0
    kms.disable_key(KeyId=ids[0])
    assert run("decrypt", "ledger.encrypted", "--output", "by-any")[0] == 0
    kms.disable_key(KeyId=ids[1])
    status, _, errors = run("decrypt", "ledger.encrypted", "--output", "x")
    assert (status, errors.count("DisabledException")) == (1, 2)
    assert not (folder / "x").exists()
    status, _, errors = run("encrypt", "--key", ids[0], "ledger", "--output", "x")
    assert status == 1
    assert "DisabledException" in errors
    assert not (folder / "x").exists()


def test_what_the_context_must_have(folder: Path, key: str, run: Any) -> None:
    assert run("encrypt", "--key", key, "--context", "a=1", "--context", "b=", "ledger")[0] == 0
    assert run("decrypt", "--context", "b=", "ledger.encrypted", "--output", "x")[0] == 0
    for wrong in ("a=2", "c=1"):
        status, _, errors = run("decrypt", "--context", wrong, "ledger.encrypted", "--output", "y")
        assert (status, errors) == (1, f"strongroom: ledger.encrypted: the encryption context has no {wrong}\n")
    # A message altered to say what is asked for does not open: KMS knows the context as it was.
    message = (folder / "ledger.encrypted").read_bytes().replace(b"\x00\x01a\x00\x011", b"\x00\x01a\x00\x012")
    (folder / "ledger.encrypted").write_bytes(message)
    status, _, errors = run("decrypt", "--context", "a=2", "ledger.encrypted", "--output", "y")
    assert status == 1
    assert "InvalidCiphertextException" in errors
    assert not (folder / "y").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["encrypt", "ledger"], "name a KMS key with --key"),
        (["encrypt", "--key", "k"], "name at least one file"),
        (["encrypt", "--key", "k", "nothing"], "there is no file nothing"),
        (["encrypt", "--key", "k", "--colour", "ledger"], "there is no option --colour"),
        (["encrypt", "--key", "a:b", "ledger"], "this names no KMS key: 'a:b'"),
        (["encrypt", "--key", "k", "--context", "novalue", "ledger"], "NAME=VALUE, not 'novalue'"),
        (["encrypt", "--key", "k", "--context", "a=1", "--context", "a=2", "ledger"], "has 'a' twice"),
        (["encrypt", "--key", "k", "--context", "aws-crypto-x=1", "ledger"], "do not begin with aws-crypto-"),
        (["encrypt", "--key", "k", "--context", "a=" + "x" * 65_500, "ledger"], "at most 65535 bytes"),
        (["encrypt", "--key", "k", "ledger", "ledger"], "ledger and ledger would both become ledger.encrypted"),
        (["encrypt", "--key", "k", "ledger", "--output", "ledger"], "is to be read, and is not written"),
        (["encrypt", "--key", "k", "ledger", "other", "--output", "-"], "only one file goes to standard output"),
        (["encrypt", "--key", "k", "ledger", "other", "--output", "other"], "other is not a folder"),
        (["encrypt", "--key", "k", "-", "-"], "would both become -"),
        (["encrypt", "--key", "k", "-", "--output", "."], "needs a file's name as --output"),
        (["decrypt", "ledger", "--frame-bytes-max", "0"], "bytes can be read"),
        (["decrypt", "--key", "a:b", "ledger"], "names no KMS key"),
    ],
)
def test_what_cannot_be_meant(folder: Path, run: Any, arguments: list[str], complaint: str) -> None:
    (folder / "other").write_text("")
    before = sorted(os.listdir(folder))
    with pytest.raises(OperatorError, match=complaint.replace("(", r"\(")):
        run(*arguments)
    assert sorted(os.listdir(folder)) == before


def test_without_variables_it_is_the_server_of_this_machine(server: RunningServer, key: str, tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text(TEXT)
    command, environment = command_line(server, "encrypt", "--key", key, "ledger")
    bare = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    bare |= dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    bare |= {"AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(command, cwd=tmp_path, env=bare, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    nowhere = subprocess.run(
        [*command[:-1], str(tmp_path / "none"), "--force"], cwd=tmp_path, env=bare, capture_output=True, text=True
    )
    assert nowhere.returncode == 2
    assert "there is no KMS to ask" in nowhere.stderr
    # Who somebody is comes from his variables first.
    other = bare | {"AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_ACCESS_KEY}
    elsewhere = subprocess.run([*command, "--force"], cwd=tmp_path, env=other, capture_output=True, text=True)
    assert elsewhere.returncode == 1
    assert "You must specify a region" in elsewhere.stderr
