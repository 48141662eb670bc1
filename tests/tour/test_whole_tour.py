"""`strongroom tour` as a whole: every row proved, nothing left in the clear, nothing left behind."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.secrets_on_disk import content_of, search
from tests.networks_possible import networks
from tests.postgresql import programs_or_skip

__all__ = ["networks"]
COMMAND = [sys.executable, "-m", "strongroom.cli", "tour"]
PROCESSOR_SECONDS_MAX = 60.0
ROWS = [f"M{number}" for number in range(1, 16)]


@pytest.fixture
def kept() -> Iterator[Path]:
    """A directory that a database of another user's can be in."""
    directory = Path(tempfile.mkdtemp(prefix="tour-", dir="/tmp"))
    directory.chmod(0o711)
    yield directory / "kept"
    shutil.rmtree(directory)


def stored_secrets(output: str) -> dict[str, bytes]:
    """Return what the tour has shown of the secrets that it stored: read off the screen, as anybody could."""
    [word] = set(re.findall(r"canary-[0-9a-f]{24}", output))
    found = {"the canary": word.encode()}
    for number, value in enumerate(re.findall(r"^(\{\"engine\".*\})$", output, re.MULTILINE)):
        found[f"rotated password {number}"] = json.loads(value)["password"].encode()
    for name in ("own.key", "wrong.key"):
        found[name] = re.findall(rf"printf %s (\S+) > {name}", output)[0].encode()
    for name, secret in re.findall(
        r"^\$ (\w+)\(\) \{ AWS_ACCESS_KEY_ID=\S+ AWS_SECRET_ACCESS_KEY=(\S+)", output, re.MULTILINE
    ):
        if len(secret) >= 16 and name != "wrong":
            found[f"secret access key of {name}"] = secret.encode()
    return found


def test_every_row_is_proved_and_nothing_is_in_the_clear(networks: None, kept: Path) -> None:
    programs_or_skip()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*COMMAND, "--keep", str(kept)], capture_output=True, text=True, timeout=400)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    summary = done.stdout[done.stdout.index("== What was proved ==") :]
    assert done.returncode == 0, summary + done.stderr
    lines = [line.split() for line in summary.splitlines() if re.match(r"(M[0-9]+|end) ", line)]
    assert [(name, state) for name, state, *_ in lines] == [(name, "proved") for name in (*ROWS, "end")]
    assert "left out" not in summary
    headings = re.findall(r"^== (\S+) ", done.stdout, re.MULTILINE)
    assert headings == [*ROWS, "end", "What"]
    # Seconds of the processor, for others may be at work on this machine. Two processors share them.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < PROCESSOR_SECONDS_MAX

    secrets = stored_secrets(done.stdout)
    assert {name for name in secrets if name.startswith("rotated")} == {"rotated password 0", "rotated password 1"}
    assert {"secret access key of burst", "secret access key of reader", "secret access key of ann"} <= set(secrets)
    files = content_of(kept)
    for part in (
        "server/data/strongroom.db",
        "server/server.log",
        "rotating-server/server.log",
        "orders-database/server.log",
    ):
        assert files[str(kept / part)], part
    assert any("pg_wal" in name for name in files)
    # Databases begin as copies of each other: each content is looked at once.
    files = {name: content for content, name in {content: name for name, content in files.items()}.items()}
    assert search(files, secrets.items()) == []
    planted = b"..." + secrets["the canary"] + b"..."
    assert [found.file for found in search(files | {"planted": planted}, secrets.items())][:1] == ["planted"]
    assert not (kept / "yours").exists()


def test_a_machine_without_a_sandbox_proves_less_and_says_so(tmp_path: Path) -> None:
    programs_or_skip()
    (tmp_path / "bin").mkdir()
    done = subprocess.run(
        [*COMMAND, "--rows", "M12,M14", "--plain"],
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": str(tmp_path / "bin")},
    )
    assert done.returncode == 1
    for name in ("M12", "M14"):
        assert re.search(
            rf"^{name} +not proved here .*bubblewrap.*apt-get install bubblewrap", done.stdout, re.MULTILINE
        )
    assert "1 of 3 rows proved" in done.stdout


def test_it_is_ended_in_its_midst_and_leaves_nothing(networks: None) -> None:
    programs_or_skip()
    with subprocess.Popen(
        [*COMMAND, "--rows", "M12,M14", "--plain"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as tour:
        assert tour.stdout is not None
        home = next(found[1] for line in tour.stdout if (found := re.search(r"STRONGROOM_DATA=(\S+?)/rotating", line)))
        assert Path(home).is_dir()
        assert with_words(home) != []
        tour.terminate()
        assert tour.wait(60) == 130
    assert not Path(home).exists()
    assert with_words(home) == []


def with_words(words: str) -> list[str]:
    """Return the command lines of running processes that have the words in them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return [line for line in found if words in line]


def test_it_waits_for_a_person_who_may_stop() -> None:
    typed = "\nstop\n"
    command = [*COMMAND, "--rows", "M9,M13,M1", "--pause", "--plain"]
    done = subprocess.run(command, input=typed, capture_output=True, text=True)
    assert done.returncode == 130
    assert "== M1 " in done.stdout
    assert "== M9 " in done.stdout
    assert "== M13 " not in done.stdout
    assert done.stdout.count("Enter: go on.") == 2


def test_a_row_that_there_is_not() -> None:
    done = subprocess.run([*COMMAND, "--rows", "M16"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "strongroom: --rows: there is no row M16; there are M1 to M15\n"
