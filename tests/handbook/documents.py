"""The documents as what is in them to run: fenced blocks, each with what a comment before it says to this test.

Comments that a reader does not see, on a line of their own:

    <!-- not run: REASON -->      the next block is not run; tests/handbook/not_run.txt has to list it
    <!-- serves -->               the next block goes on until the page ends; the test waits until it says `ready`
    <!-- output: any -->          what the next block prints is of no matter
    <!-- server: OPTIONS -->      the page has a server of its own with these options; `none`: it has none
    <!-- needs: WHAT -->          the page needs `sandbox`, `networks` or `softhsm`
    <!-- run by: FILE -->         the blocks of the page are run by another test
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHELL_LANGUAGES = ("console", "sh")
RUN_LANGUAGES = (*SHELL_LANGUAGES, "python")

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w-]*)(?P<rest>[^\n`]*)$")
_TITLE = re.compile(r'title="([^"/]+)"')
_COMMENT = re.compile(r"^ *<!-- (?P<name>[a-z ]+?)(?:: (?P<value>.+?))? -->$")
_OF_BLOCK = {"not run", "serves", "output"}
_OF_PAGE = {"server", "needs", "run by"}
_OF_BUILD = {"table"}


@dataclass(frozen=True)
class Block:
    """A fenced block: `line` is where its fence is, `title` the file that it is, `notes` what a comment said of it."""

    language: str
    title: str
    line: int
    text: str
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Document:
    """A Markdown file: its blocks in order, and what comments say of it as a whole."""

    path: Path
    blocks: tuple[Block, ...]
    notes: dict[str, str]

    @property
    def name(self) -> str:
        """Its path in the repository."""
        return str(self.path.relative_to(ROOT))

    @property
    def to_run(self) -> list[Block]:
        """The blocks that are to be run, and the files that they are to find."""
        if "run by" in self.notes:
            return []
        return [block for block in self.blocks if block.language in RUN_LANGUAGES or (block.title and not block.notes)]

    @property
    def is_run(self) -> bool:
        """Whether it has a block that is run here."""
        return any(block.language in RUN_LANGUAGES and "not run" not in block.notes for block in self.to_run)


def documents() -> list[Document]:
    """Return every Markdown file of the repository's root, docs and examples."""
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    return [read(path) for path in sorted(paths)]


def read(path: Path) -> Document:
    """Return what is in a file. Raises AssertionError for a comment that means nothing, or a block without end."""
    page: dict[str, str] = {}
    notes: dict[str, str] = {}
    blocks: list[Block] = []
    lines = path.read_text().splitlines()
    at = 0
    while at < len(lines):
        fence, comment = _FENCE.match(lines[at]), _COMMENT.match(lines[at])
        if fence is not None:
            end = next(i for i in range(at + 1, len(lines)) if lines[i].strip() == "```")
            indent = len(fence["indent"])
            text = "".join(line[indent:] + "\n" for line in lines[at + 1 : end])
            title = _TITLE.search(fence["rest"])
            blocks.append(Block(fence["language"], title[1] if title else "", at + 1, text, notes))
            notes, at = {}, end
        elif comment is not None:
            name, value = comment["name"], comment["value"] or ""
            assert name in _OF_BLOCK | _OF_PAGE | _OF_BUILD, f"{path}:{at + 1}: {name}"
            if name in _OF_BLOCK:
                notes[name] = value
            elif name in _OF_PAGE:
                page[name] = value
        elif lines[at].strip():
            assert not notes, f"{path}:{at + 1}: a comment about a block, and no block"
        at += 1
    return Document(path, tuple(blocks), page)
