"""Stored policy documents, compiled once for all who have them.

A stored document that cannot be read, because somebody changed the database or this version knows less than the one
that wrote it, denies everything: what it may have denied is not known.
"""

from functools import lru_cache

from strongroom.policy.document import Document, PolicyKind, parse
from strongroom.policy.errors import PolicySyntaxError

COMPILED_DOCUMENTS_MAX = 4_096

_DENY_ALL = {
    PolicyKind.IDENTITY: '{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}',
    PolicyKind.TRUST: '{"Statement":{"Effect":"Deny","Principal":"*","Action":"sts:*"}}',
    PolicyKind.RESOURCE: '{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}',
}


@lru_cache(COMPILED_DOCUMENTS_MAX)
def compiled(text: str, kind: PolicyKind = PolicyKind.IDENTITY) -> Document:
    """Return a stored document, compiled; one that denies everything when it cannot be read. Raises nothing."""
    try:
        return parse(text, kind)
    except PolicySyntaxError:
        return parse(_DENY_ALL[kind], kind)
