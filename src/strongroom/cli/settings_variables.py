"""Variables as a source of options, and what is never taken from one."""

from cyclopts import App, ArgumentCollection, Parameter
from cyclopts.config import Env

ON_COMMAND_LINE_ONLY = Parameter(show_env_var=False)
"""Marks what belongs to one run of a command: no variable and no file of settings may say it.

`strongroom env` exports STRONGROOM_ACCOUNT_ID, for one: that is not the account which is to be made next.
"""


class SettingsVariables(Env):
    """`STRONGROOM_HTTPS_PORT` for `--https-port`."""

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Add what variables say to the arguments that may have it from there."""
        super().__call__(app, commands, settable(arguments))


def settable(arguments: ArgumentCollection) -> ArgumentCollection:
    """Return the arguments that are not ON_COMMAND_LINE_ONLY."""
    chosen = [argument for argument in arguments if argument.parameter.show_env_var is not False]
    return ArgumentCollection(chosen)  # type: ignore[no-untyped-call]
