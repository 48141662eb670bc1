"""What CodeBuild refuses, in AWS's words where AWS has them.

Source: AWS CodeBuild API Reference, the errors of each action.
"""

from strongroom.base.errors import AwsError


def invalid_input(message: str) -> AwsError:
    """A member has a value that the service model allows and CodeBuild does not."""
    return AwsError("InvalidInputException", message)


def not_served(member: str, why: str) -> AwsError:
    """Something that CodeBuild has on AWS and that is not served here."""
    return invalid_input(f"{member} is not supported here: {why}")


def not_found(message: str) -> AwsError:
    """What was named is not there."""
    return AwsError("ResourceNotFoundException", message)


def no_such_project(arn: str) -> AwsError:
    """The account has no project of that name in this Region."""
    return not_found(f"Project cannot be found: {arn}")


def no_such_build(arn: str) -> AwsError:
    """The account has no build of that id in this Region."""
    return not_found(f"Build cannot be found: {arn}")


def no_such_report_group(arn: str) -> AwsError:
    """The account has no report group of that name in this Region."""
    return not_found(f"Report group cannot be found: {arn}")


def no_such_report(arn: str) -> AwsError:
    """The account has no report of that ARN, or has none any more."""
    return not_found(f"Report cannot be found: {arn}")


def report_group_exists(arn: str) -> AwsError:
    """A report group of that name is there already."""
    return AwsError("ResourceAlreadyExistsException", f"Report group already exists: {arn}")


def source_credentials_exist(server_type: str) -> AwsError:
    """There are source credentials for a type of server already, and they are to stay."""
    return AwsError("ResourceAlreadyExistsException", f"Source credentials already exist for {server_type}")


def project_exists(arn: str) -> AwsError:
    """A project of that name is there already."""
    return AwsError("ResourceAlreadyExistsException", f"Project already exists: {arn}")


def limit_exceeded(message: str) -> AwsError:
    """A limit of the account, or of a project, is reached."""
    return AwsError("AccountLimitExceededException", message)


def role_not_assumable(role_arn: str) -> AwsError:
    """The service role does not let CodeBuild act as it, or is not there."""
    return invalid_input(f"CodeBuild is not authorized to perform: sts:AssumeRole on service role: {role_arn}")


def invalid_token() -> AwsError:
    """A pagination token that this operation did not give out."""
    return invalid_input("Invalid nextToken")
