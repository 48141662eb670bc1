"""What mkdocs calls while it builds: puts tables made from the code where a page asks for one, and completes the menu.

A page asks by a comment on a line of its own, which says which table: `operations kms`, `services`, `settings serve`,
`commands`, `metrics`. The tables are made at every build and never committed, so that none can be out of date.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from handbook.command_reference import command_reference
from handbook.metric_table import metric_table
from handbook.service_table import service_table, summary_table
from handbook.setting_tables import setting_table

MARK = re.compile(r"^<!-- table: (?P<kind>[a-z]+)(?: (?P<of>[a-z0-9-]+))? -->$", re.MULTILINE)
WHOLE_FOLDERS = {"Services": "services", "Decisions": "decisions"}
"""Sections of the menu that have every page of a folder, so that a new one is in it by itself."""

TABLES: dict[str, Callable[[str], str]] = {
    "operations": service_table,
    "services": lambda _: summary_table(),
    "settings": setting_table,
    "commands": lambda _: command_reference(),
    "metrics": lambda _: metric_table(),
}


def with_tables(markdown: str) -> str:
    """Return a page with the tables that it asks for. Raises KeyError for one that there is not."""
    return MARK.sub(lambda mark: TABLES[mark["kind"]](mark["of"] or ""), markdown)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in a page. Called by mkdocs for each."""
    return with_tables(markdown)


def on_config(config: Any) -> Any:
    """Put every page of some folders into the menu. Called by mkdocs once."""
    for section in config["nav"]:
        for title, pages in section.items() if isinstance(section, dict) else ():
            if title in WHOLE_FOLDERS:
                folder = Path(config["docs_dir"], WHOLE_FOLDERS[title])
                found = sorted(str(path.relative_to(config["docs_dir"])) for path in folder.glob("*.md"))
                pages[:] = [*pages, *(page for page in found if page not in pages)]
    return config
