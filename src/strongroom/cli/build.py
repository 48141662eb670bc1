"""`strongroom build`: a build of a folder, run from the command line on the server."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.base.errors import OperatorError
from strongroom.cli.settings_variables import ON_COMMAND_LINE_ONLY
from strongroom.cli.store_options import StoreOptions

build = App(name="build", help="Run builds of folders.")

Options = Annotated[StoreOptions | None, Parameter(name="*")]
Text = Annotated[str | None, ON_COMMAND_LINE_ONLY]
Texts = Annotated[tuple[str, ...], ON_COMMAND_LINE_ONLY, Parameter(negative="")]
File = Annotated[Path | None, ON_COMMAND_LINE_ONLY]
Flag = Annotated[bool, ON_COMMAND_LINE_ONLY, Parameter(negative="")]


@build.command
def run(
    folder: Annotated[Path, ON_COMMAND_LINE_ONLY] = Path("."),
    /,
    store: Options = None,
    *,
    buildspec: Text = None,
    env: Texts = (),
    parameter: Texts = (),
    secret: Texts = (),
    grant_secrets: Flag = False,
    artifacts: File = None,
    project: Text = None,
    role: Text = None,
    policy: File = None,
    subnet: Texts = (),
    security_group: Texts = (),
    image: Text = None,
    compute_type: Text = None,
    timeout: Annotated[int | None, ON_COMMAND_LINE_ONLY] = None,
    include_ignored: Flag = False,
    account: Text = None,
    region: Text = None,
) -> None:
    """Run the build specification of a folder on the server; its log comes as it is written, secrets masked.

    The log goes to standard output, what else there is to say to standard error. Exit status: 0 when the build
    succeeded, 1 when not, 2 when it could not be started, 130 after Ctrl-C, which stops the build.

    What Git ignores is not sent. The build runs as a role that is made for it and goes with it: it may write its log,
    and read what --parameter and --secret name.

    Parameters
    ----------
    folder
        The folder; by default the one that you are in.
    buildspec
        File of the build specification, in the folder or elsewhere; by default buildspec.yml.
    env
        An environment variable, NAME=VALUE; or NAME, with the value that it has here. May be given several times.
    parameter
        An environment variable from Parameter Store, NAME=PARAMETER.
    secret
        An environment variable from Secrets Manager, NAME=SECRET[:json-key[:version-stage[:version-id]]].
    grant_secrets
        Let the role read the parameters and secrets, too, that the build specification names. Look at them first.
    artifacts
        Folder to put the build's artifacts into, when it has ended.
    project
        Use this project (its role, image, variables, VPC) with the folder as its source. It stores no artifacts.
    role
        Service role to use, by name or ARN, instead of one that is made.
    policy
        File of an IAM policy: what else the role may do that is made.
    subnet
        Run in a VPC, in this subnet (subnet-...); may be given several times.
    security_group
        Security group there (sg-...); may be given several times. By default the VPC's default group.
    image
        Image to run in; by default host, this machine's programs.
    compute_type
        How much of the machine the build may use; by default BUILD_GENERAL1_SMALL.
    timeout
        Minutes that the build may take, from 5 on; by default 60.
    include_ignored
        Send what Git ignores as well.
    account
        Account id of another account than the server's first.
    region
        Region of the build; by default the server's.
    """
    import sys

    from botocore.exceptions import BotoCoreError, ClientError

    from strongroom.cli.build_run import PARAMETER_STORE, SECRETS_MANAGER, Wanted
    from strongroom.cli.build_run import run as run_build
    from strongroom.cli.server_session import server_session

    if project is not None:
        _refuse("--project", subnet=subnet, security_group=security_group, policy=policy, grant_secrets=grant_secrets)
    if role is not None:
        _refuse("--role", policy=policy, grant_secrets=grant_secrets)
    if security_group and not subnet:
        raise OperatorError("--security-group needs --subnet")
    wanted = Wanted(
        folder=folder,
        buildspec=buildspec,
        variables={
            **{name: ("PLAINTEXT", value) for name, value in _pairs("--env", env, from_here=True)},
            **{name: (PARAMETER_STORE, value) for name, value in _pairs("--parameter", parameter)},
            **{name: (SECRETS_MANAGER, value) for name, value in _pairs("--secret", secret)},
        },
        image=image,
        compute_type=compute_type,
        timeout_minutes=timeout,
        artifacts=artifacts,
        include_ignored=include_ignored,
        project=project,
        role=role,
        policy=_read(policy) if policy is not None else None,
        grant_secrets=grant_secrets,
        subnets=subnet,
        security_groups=security_group,
    )
    session, account_id = server_session(store or StoreOptions(), account, region)
    try:
        sys.exit(run_build(session, account_id, wanted))
    except ClientError as error:
        raise OperatorError(f"the server did not take it: {error}") from None
    except BotoCoreError as error:
        raise OperatorError(f"the server does not answer: {error}") from None


def _refuse(option: str, **others: object) -> None:
    for name, value in others.items():
        if value:
            raise OperatorError(f"--{name.replace('_', '-')} is for what is made; {option} names what is there")


def _pairs(option: str, texts: Iterable[str], *, from_here: bool = False) -> Iterable[tuple[str, str]]:
    import os

    for text in texts:
        name, equals, value = text.partition("=")
        if not equals and from_here:
            if name not in os.environ:
                raise OperatorError(f"{option} {name}: there is no such variable here")
            value = os.environ[name]
        elif not equals or not name:
            raise OperatorError(f"{option} {text}: it is to be NAME={option.removeprefix('--').upper()}")
        yield name, value


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} cannot be read: {error}") from None
