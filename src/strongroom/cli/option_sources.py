"""Where options come from: flag, then variable, then TOML file."""

from collections.abc import Callable

from cyclopts import App, ArgumentCollection
from cyclopts.config import Env

from strongroom.cli.settings_file import SettingsFile

VARIABLE_PREFIX = "STRONGROOM_"

OptionSource = Callable[[App, tuple[str, ...], ArgumentCollection], None]
OPTION_SOURCES: list[OptionSource] = [Env(VARIABLE_PREFIX, command=False), SettingsFile()]


class _Without:
    """A source that leaves some options to their flags."""

    def __init__(self, source: OptionSource, names: frozenset[str]) -> None:
        self._source = source
        self._names = names

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        others = ArgumentCollection(each for each in arguments if each.name not in self._names)  # type: ignore[no-untyped-call]
        self._source(app, commands, others)


def sources_without(*names: str) -> list[OptionSource]:
    """Return the sources for a command where the options `names` (`--region`) mean something else than to the server.

    A server's Region and account may be in variables and in the file; what such a command is to work on is not.
    """
    return [_Without(source, frozenset(names)) for source in OPTION_SOURCES]
