"""`strongroom completion`: what a shell needs to complete the command line."""

from typing import Annotated, Literal

from strongroom.cli.settings_variables import ON_COMMAND_LINE_ONLY

Shell = Literal["bash", "zsh", "fish"]


def completion(shell: Annotated[Shell, ON_COMMAND_LINE_ONLY], /) -> None:
    """Print a script that completes commands, options and their choices.

    bash: strongroom completion bash > ~/.strongroom-completion, and source that file in ~/.bashrc. zsh: into a file
    _strongroom on the fpath. fish: into ~/.config/fish/completions/strongroom.fish.

    Parameters
    ----------
    shell
        The shell to complete in.
    """
    from strongroom.cli.application import application

    print(application.generate_completion(shell=shell))
