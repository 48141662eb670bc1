"""What CodeBuild operations need: which action on which project, and passing the service role.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS CodeBuild"; IAM User Guide,
"Grant a user permissions to pass a role to an AWS service".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from strongroom.base.arn import parse_arn, partition_of
from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.conditions import tag_value
from strongroom.operations.registry import Needs
from strongroom.services.codebuild import errors, tables
from strongroom.services.codebuild.names import BuildName, ProjectName, read_build_name, read_project_name
from strongroom.services.codebuild.request_conditions import condition_of
from strongroom.services.codebuild.service import PRINCIPAL

_RESOURCE_TAG = "aws:resourcetag/"


class Project(NamedTuple):
    """A project that a request names, and its row, None when there is none."""

    named: ProjectName
    row: Any

    def existing(self) -> Any:
        """Return the row. Raises ResourceNotFoundException."""
        if self.row is None:
            raise errors.no_such_project(self.named.arn)
        return self.row


def resource_conditions(
    tags: Mapping[str, str], settings: Mapping[str, Any] | None = None
) -> Callable[[str], ConditionValue]:
    """Return the condition keys of a resource with these tags, and of what a request says of it."""

    def condition(name: str) -> ConditionValue:
        if name.startswith(_RESOURCE_TAG):
            return tag_value(tags, name[len(_RESOURCE_TAG) :])
        return condition_of(settings, name) if settings is not None else None

    return condition


def account_wide(action: str) -> Needs:
    """Declare an operation on the account as a whole."""

    async def needs(call: Call) -> Sequence[Requirement]:
        return (Requirement(action=action, resource="*", account_id=call.account_id),)

    return needs


def project_name(call: Call, text: str) -> ProjectName:
    """Return the project that a request names. Raises InvalidInputException for what is no project of the account's."""
    named = read_project_name(text, call.account_id, call.region)
    if named is None or named.account_id != call.account_id or named.region != call.region:
        raise errors.invalid_input(f"Invalid project name or ARN: {text}")
    return named


def build_name(call: Call, text: str) -> BuildName:
    """Return the build that a request names. Raises InvalidInputException for what is no build of the account's."""
    named = read_build_name(text, call.account_id, call.region)
    if named is None or named.project.account_id != call.account_id or named.project.region != call.region:
        raise errors.invalid_input(f"Invalid build ID or ARN: {text}")
    return named


async def find_project(call: Call, named: ProjectName) -> Project:
    """Return a project, there or not."""
    return Project(named, await call.read(lambda connection: tables.select_project(connection, named)))


def on_project(project: Project, action: str, settings: Mapping[str, Any] | None = None) -> Requirement:
    """Return the requirement of an action on a project, there or not; `settings` are what the request says of it."""
    return Requirement(
        action=action,
        resource=project.named.arn,
        account_id=project.named.account_id,
        conditions=resource_conditions(project.row.tags if project.row is not None else {}, settings),
        audited=project.named.audited,
    )


def about_project(action: str, member: str) -> Needs:
    """Declare an operation on the project that a member of the request names. `call.target` is a Project."""

    async def needs(call: Call) -> Sequence[Requirement]:
        call.target = await find_project(call, project_name(call, call.params[member]))
        return (on_project(call.target, action),)

    return needs


def about_projects(action: str, names: Callable[[Call], Sequence[ProjectName]]) -> Needs:
    """Declare an operation on several projects, each of which has to be allowed. `call.target` are the Projects."""

    async def needs(call: Call) -> Sequence[Requirement]:
        call.target = [await find_project(call, named) for named in dict.fromkeys(names(call))]
        if not call.target:
            # What names nothing of the account's is asked about as a whole: nobody is answered without a permission.
            return (Requirement(action=action, resource="*", account_id=call.account_id),)
        return [on_project(project, action) for project in call.target]

    return needs


def role_arn_of(call: Call, text: str) -> str:
    """Return the ARN of the role that a request names by its ARN, or by its name.

    Raises InvalidInputException for what is no role of the caller's account.
    """
    arn = parse_arn(text)
    if arn is None:
        if ":" in text or not text.strip("/") or "\0" in text:
            raise errors.invalid_input(f"Invalid service role: {text}")
        return f"arn:{partition_of(call.region)}:iam::{call.account_id}:role/{text.strip('/')}"
    if arn.service != "iam" or not arn.resource.startswith("role/"):
        raise errors.invalid_input(f"Invalid service role: {text}")
    if arn.account_id != call.account_id:
        raise errors.invalid_input("Invalid service role: Service role account ID does not match caller's account")
    return text


def passing_role(call: Call, role_arn: str, project: ProjectName) -> Requirement:
    """Return the requirement of handing a role to CodeBuild."""

    def condition(name: str) -> ConditionValue:
        if name == "iam:passedtoservice":
            return PRINCIPAL
        return project.arn if name == "iam:associatedresourcearn" else None

    return Requirement(action="iam:PassRole", resource=role_arn, account_id=call.account_id, conditions=condition)
