"""Trust policies: who may become a role.

A user or role in a trust policy is kept by its unique id and shown by its ARN. Whoever is deleted and made anew under
the old name is not trusted again, and whoever is renamed still is.

Source: IAM User Guide, "AWS JSON policy elements: Principal", "IAM and AWS STS quotas".
"""

import re

from strongroom.base.arn import parse_arn
from strongroom.base.errors import AwsError
from strongroom.identities.identifiers import ROLE, USER, identity_arn
from strongroom.identities.pinned_principals import aws_principals, pinned, shown
from strongroom.identities.policy_complaints import complaint
from strongroom.identities.tables import select_account, select_identity, select_identity_named
from strongroom.policy.document import PolicyKind, parse
from strongroom.policy.errors import PolicySyntaxError
from strongroom.services.iam import errors
from strongroom.services.iam.documents import counted_characters
from strongroom.storage.connection import Connection

TRUST_POLICY_CHARACTERS_MAX = 2_048
_UNIQUE_ID = re.compile(r"A(IDA|ROA)[A-Z0-9]{12,124}")
_QUOTED_UNIQUE_ID = re.compile(r'"A(IDA|ROA)[A-Z0-9]{12,124}"')


def checked_trust_policy(text: str) -> str:
    """Return `text` when it has the form of a trust policy. Raises MalformedPolicyDocument, LimitExceeded."""
    if counted_characters(text) > TRUST_POLICY_CHARACTERS_MAX:
        raise errors.quota_exceeded("ACLSizePerRole", TRUST_POLICY_CHARACTERS_MAX)
    try:
        parse(text, PolicyKind.TRUST)
    except PolicySyntaxError as error:
        raise errors.malformed_policy(complaint(text, PolicyKind.TRUST, str(error))) from None
    return text


def stored_trust_policy(connection: Connection, partition: str, text: str) -> str:
    """Return a trust policy as it is kept, with unique ids for users and roles.

    Raises MalformedPolicyDocument for one who does not exist in an account that does; other accounts are not known.
    """
    ids = {named: _unique_id(connection, partition, named) for named in sorted(aws_principals(text))}
    return pinned(text, ids.get)


def _unique_id(connection: Connection, partition: str, principal: str) -> str | None:
    """Return the unique id to keep for a principal, None when it is kept as it is."""
    if _UNIQUE_ID.fullmatch(principal):
        if select_identity(connection, principal) is None:
            raise _invalid_principal(principal)
        return None
    parts = parse_arn(principal)
    kind = parts.resource.partition("/")[0] if parts is not None else ""
    if parts is None or parts.service != "iam" or kind not in (USER, ROLE):
        return None
    if select_account(connection, parts.account_id) is None:
        return None
    if not principal.isprintable():
        # Nobody has such a name, and PostgreSQL would not even look for U+0000.
        raise _invalid_principal(principal)
    row = select_identity_named(connection, parts.account_id, kind, parts.resource.rpartition("/")[2])
    if row is None or identity_arn(partition, row.account_id, kind, row.path, row.name) != principal:
        raise _invalid_principal(principal)
    return str(row.unique_id)


def shown_trust_policy(connection: Connection, partition: str, text: str) -> str:
    """Return a trust policy as it is shown, with the ARNs of users and roles; who is gone is shown by unique id."""
    if _QUOTED_UNIQUE_ID.search(text) is None:
        return text

    def arn(unique_id: str) -> str | None:
        row = select_identity(connection, unique_id)
        return None if row is None else identity_arn(partition, row.account_id, row.kind, row.path, row.name)

    return shown(text, arn)


def _invalid_principal(principal: str) -> AwsError:
    return errors.malformed_policy(f'Invalid principal in policy: "AWS":"{principal}"')
