"""Every command with its options, as `--help` has them."""

import re
from pathlib import Path

from strongroom.cli.application import application

_CONTENTS = re.compile(r"^#+ Table of Contents\n.*?(?=^\*\*Commands\*\*)", re.MULTILINE | re.DOTALL)


def command_reference() -> str:
    """Return all commands as Markdown, from the second level of headings on."""
    text = application.generate_docs(output_format="markdown", heading_level=1)
    # The page has a title of its own, and a table of contents beside it.
    text = _CONTENTS.sub("", text.partition("\n")[2])
    return text.replace(str(Path.home()), "~")
