"""Every shell block of the README and the handbook is run, page by page, and prints what the page shows."""

import itertools
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.clients.warm_aws import WarmAws
from tests.handbook.documents import ROOT, SHELL_LANGUAGES, Block, Document, documents
from tests.handbook.session import Session, page_environment
from tests.rotation_functions.functions import must_be_contained
from tests.running_server import RunningServer, running_server

from strongroom.cli.env import connection_variables
from strongroom.cli.store_options import StoreOptions

LISTED = Path(__file__).with_name("not_run.txt")
Servers = Callable[[str], RunningServer]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    warm = WarmAws(tmp_path_factory.mktemp("aws"))
    yield warm.directory
    warm.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server of all pages that do not ask for another."""
    with running_server(tmp_path_factory.mktemp("handbook")) as running:
        yield running


@pytest.fixture
def server(request: pytest.FixtureRequest, document: Document, tmp_path: Path) -> Iterator[RunningServer | None]:
    wanted = document.notes.get("server")
    if wanted is None:
        yield request.getfixturevalue("shared")
    elif wanted == "none":
        yield None
    else:
        place = tmp_path / "server"
        place.mkdir()
        with running_server(place, options=tuple(shlex.split(wanted))) as running:
            yield running


@pytest.fixture
def needs(request: pytest.FixtureRequest, document: Document) -> dict[str, str]:
    """What the page needs of the machine, as variables for it. Skips where it is not there, and fails in CI."""
    found: dict[str, str] = {}
    for need in document.notes.get("needs", "").split():
        if need == "sandbox":
            must_be_contained()
        elif need == "networks":
            request.getfixturevalue("networks")
        elif need == "softhsm":
            found |= request.getfixturevalue("softhsm").environment
        else:
            raise AssertionError(f"{document.name} needs {need}, of which nobody knows")
    return found


@pytest.fixture
def session(tmp_path: Path, aws: Path, server: RunningServer | None, needs: dict[str, str]) -> Iterator[Session]:
    home = tmp_path / "home"
    home.mkdir()
    environment = page_environment(home, aws) | needs
    if server is None:
        # Where a page shows the ports that one has by default, others are taken: those may be in use.
        environment |= {f"STRONGROOM_{name}_PORT": "0" for name in ("HTTPS", "HTTP", "XKS")}
    else:
        environment |= reader_variables(server)
    session = Session(home, environment)
    yield session
    session.close()


def reader_variables(server: RunningServer) -> dict[str, str]:
    """Return what `eval "$(strongroom env)"` sets, and where the commands find the server's data."""
    variables = connection_variables(StoreOptions(data=server.data))
    return variables | {"STRONGROOM_DATA": str(server.data), "XDG_CONFIG_HOME": str(server.home / "config")}


@pytest.mark.parametrize("document", [each for each in documents() if each.is_run], ids=lambda each: each.name)
def test_the_page_does_what_it_says(document: Document, session: Session) -> None:
    for block in document.to_run:
        if "not run" not in block.notes:
            run(document, block, session)


def run(document: Document, block: Block, session: Session) -> None:
    try:
        session.run(block)
    except AssertionError as error:
        pytest.fail(f"{document.name}:{block.line}: {error}", pytrace=False)


def test_what_is_not_run_is_listed_with_its_reason() -> None:
    """A block that nobody runs is a promise that nobody checks: their list grows in the open or not at all."""
    lines = [
        f"{document.name}: {block.text.splitlines()[0].strip()}: {block.notes['not run']}"
        for document in documents()
        for block in document.blocks
        if "not run" in block.notes
    ]
    lines += [f"{each.name}: run by {each.notes['run by']}" for each in documents() if "run by" in each.notes]
    assert lines == LISTED.read_text().splitlines()
    for document in documents():
        if "run by" in document.notes:
            assert document.path.name in (ROOT / document.notes["run by"]).read_text()


def test_every_block_says_what_it_is() -> None:
    """A block without a language would be a shell block that no test sees."""
    nameless = [f"{each.name}:{block.line}" for each in documents() for block in each.blocks if not block.language]
    assert nameless == []
    for document in documents():
        for block in document.blocks:
            assert block.language not in ("bash", "shell", "shell-session", "zsh"), f"{document.name}:{block.line}"
            assert block.language in SHELL_LANGUAGES or not block.text.startswith("$ "), f"{document.name}:{block.line}"


def test_no_block_is_made_by_indentation() -> None:
    for document in documents():
        lines = document.path.read_text().splitlines()
        for before, line in itertools.pairwise(lines):
            assert before or not line.startswith(("    strongroom ", "    aws ", "    $ ", "    make ")), (
                f"{document.name}: {line}"
            )
