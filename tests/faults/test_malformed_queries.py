"""Requests of the query protocol that are no requests: each gets AWS's error, and the server goes on."""

import secrets
from collections.abc import Iterator

import pytest
from botocore.credentials import Credentials
from tests.faults.plain_client import FORM, QUERY_VERSIONS, ROOT, Answer, PlainClient, form, signed_headers
from tests.faults.served import served_operations
from tests.running_server import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, RunningServer

from strongroom.model.service import OperationModel
from strongroom.model.shapes import Shape

OPERATIONS = (*served_operations("iam"), *served_operations("sts"))
BY_NAME = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
UNSIGNED = {"AssumeRoleWithWebIdentity"}

# A value that does not say what its type demands. Whatever a text is, it is a text.
WRONG = {
    "string": (),
    "integer": ("one", "1.5", "0x1", "9" * 30, "١"),
    "long": ("one", "1.5", "9" * 30),
    "boolean": ("1", "yes", "verily"),
    "timestamp": ("now", "1" * 400),
    "blob": ("%%%", "YQ", "ä"),
}
BAD_NUMBERS = ("0", "-1", "x", "01", "9" * 30, "")
LIST_ENDS = ("", *(f".member.{number}" for number in BAD_NUMBERS), ".1", ".entry.1")


def wrong_parameters(name: str, shape: Shape, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield parameters that are not of `shape`, at its surface or somewhere within it."""
    if shape.type == "list":
        yield from ((name + end, "text") for end in LIST_ENDS)
        if depth < 3:
            yield from wrong_parameters(f"{name}.member.1", shape.element.target, depth + 1)
    elif shape.type == "structure":
        yield name, "text"
        if depth < 3:
            for member, reference in shape.members.items():
                yield from wrong_parameters(f"{name}.{member}", reference.target, depth + 1)
    elif shape.type in WRONG:
        yield from ((name, value) for value in WRONG[shape.type])
        yield from ((f"{name}.{below}", "text") for below in ("member.1", "x", "", "1"))


@pytest.fixture(scope="module")
def client(target: RunningServer) -> Iterator[PlainClient]:
    connected = PlainClient(target)
    yield connected
    connected.close()


@BY_NAME
def test_no_member_takes_another_type(unharmed: RunningServer, client: PlainClient, operation: OperationModel) -> None:
    members = operation.input.members if operation.input is not None else {}
    for name, reference in members.items():
        for pair in wrong_parameters(name, reference.target):
            answer = client.query(operation.service.name, operation.name, [pair])
            assert (answer.status, answer.code) == (400, "MalformedInput"), (pair, answer)
            assert answer.headers["x-amzn-requestid"]


@BY_NAME
def test_what_is_required_must_be_there(
    unharmed: RunningServer, client: PlainClient, operation: OperationModel
) -> None:
    if operation.input is None or not operation.input.required:
        return
    answer = client.query(operation.service.name, operation.name)
    assert (answer.status, answer.code) == (400, "ValidationError"), answer
    assert "Member must not be null" in answer.xml("Message")


@BY_NAME
def test_nobody_gets_in_unsigned(unharmed: RunningServer, client: PlainClient, operation: OperationModel) -> None:
    content = form([("Action", operation.name), ("Version", QUERY_VERSIONS[operation.service.name])])
    answer = client.send({"Content-Type": FORM}, content)
    if operation.name in UNSIGNED:
        assert (answer.status, answer.code) == (400, "ValidationError")
    else:
        assert (answer.status, answer.code) == (403, "MissingAuthenticationToken")
    # A query string is as good as a form.
    answer = client.send({"Content-Type": FORM}, b"", "/?" + content.decode())
    assert answer.status in (400, 403)


@BY_NAME
def test_nobody_gets_in_with_another_secret(
    unharmed: RunningServer, client: PlainClient, operation: OperationModel
) -> None:
    service = operation.service.name
    stranger = Credentials(ROOT_ACCESS_KEY_ID, secrets.token_urlsafe(30))
    assert refusal(client.query(service, operation.name, credentials=stranger)) == (403, "SignatureDoesNotMatch")
    nobody = Credentials("AKIA" + "N" * 16, ROOT_SECRET_ACCESS_KEY)
    assert refusal(client.query(service, operation.name, credentials=nobody)) == (403, "InvalidClientTokenId")
    for token in ("", "x", "A" * 400, "é"):
        # A long-term key has no token, and nobody made this session.
        for access_key_id in (ROOT_ACCESS_KEY_ID, "ASIA" + "N" * 16):
            if access_key_id == ROOT_ACCESS_KEY_ID and not token:
                continue
            session = Credentials(access_key_id, ROOT_SECRET_ACCESS_KEY, token)
            answer = client.query(service, operation.name, credentials=session)
            assert refusal(answer) == (403, "InvalidClientTokenId"), (token, answer)


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code


@pytest.mark.parametrize(
    ("signed_for", "operation"), [("sts", "ListUsers"), ("kms", "ListUsers"), ("iam", "GetCallerIdentity")]
)
def test_a_signature_is_for_one_service(
    unharmed: RunningServer, client: PlainClient, signed_for: str, operation: str
) -> None:
    version = QUERY_VERSIONS["sts" if operation == "GetCallerIdentity" else "iam"]
    content = form([("Action", operation), ("Version", version)])
    headers = signed_headers(client.url, content, {"Content-Type": FORM}, service=signed_for)
    # The service that a signature is scoped to has no such operation.
    assert refusal(client.send(headers, content)) in ((400, "InvalidAction"), (404, "UnknownOperationException"))


LIST_USERS = b"Action=ListUsers&Version=2010-05-08"
FORMS: dict[str, tuple[bytes, set[str]]] = {
    "nothing": (b"", {"MissingAction"}),
    "no action": (b"Version=2010-05-08", {"MissingAction"}),
    "an empty action": (b"Action=&Version=2010-05-08", {"MissingAction", "InvalidAction"}),
    "no version": (b"Action=ListUsers", {"InvalidAction", "MissingParameter", ""}),
    "another version": (b"Action=ListUsers&Version=2011-06-15", {"InvalidAction"}),
    "an unknown action": (b"Action=Brew&Version=2010-05-08", {"InvalidAction"}),
    "an action with dunders": (b"Action=__init__&Version=2010-05-08", {"InvalidAction"}),
    "an action in lower case": (b"Action=listusers&Version=2010-05-08", {"InvalidAction"}),
    "an action with U+0000": (b"Action=ListUsers%00&Version=2010-05-08", {"InvalidAction"}),
    "a very long action": (b"Action=" + b"x" * 500_000, {"InvalidAction"}),
    "an action with parts": (b"Action.member.1=ListUsers&Version=2010-05-08", {"MissingAction", "InvalidAction"}),
    "bytes that are no UTF-8": (LIST_USERS + b"&PathPrefix=%ff%fe", {"MalformedInput"}),
    "half a surrogate": (LIST_USERS + b"&PathPrefix=%ed%a0%80", {"MalformedInput"}),
    "a name that is no UTF-8": (LIST_USERS + b"&%ff=1", {"MalformedInput"}),
    "broken percent signs": (LIST_USERS + b"&PathPrefix=%zz%", {"ValidationError"}),
    "U+0000": (LIST_USERS + b"&PathPrefix=%00", {"ValidationError"}),
    "a deep name": (LIST_USERS + b"&a" + b".member.1" * 10_000 + b"=1", {"MalformedInput"}),
    "very many parameters": (LIST_USERS + b"&a=1" * 100_000, {"MalformedQueryString"}),
    "very many entries": (
        b"Action=TagUser&Version=2010-05-08&UserName=x"
        + b"".join(b"&Tags.member.%d.Key=%d" % (number, number) for number in range(1, 20_000)),
        {"MalformedQueryString", "ValidationError"},
    ),
    "a megabyte": (LIST_USERS + b"&PathPrefix=" + b"a" * 1_048_576, {"RequestEntityTooLargeException"}),
    "a member twice": (LIST_USERS + b"&MaxItems=0&MaxItems=1", {"ValidationError"}),
    "a negative number": (LIST_USERS + b"&MaxItems=-1", {"ValidationError"}),
    "a huge number": (LIST_USERS + b"&MaxItems=2147483648", {"MalformedInput", "ValidationError"}),
    "JSON": (b'{"Action": "ListUsers"}', {"MissingAction"}),
}


@pytest.mark.parametrize(("content", "codes"), FORMS.values(), ids=FORMS.keys())
def test_a_form_that_is_no_request(
    unharmed: RunningServer, client: PlainClient, content: bytes, codes: set[str]
) -> None:
    answer = client.form("iam", content, credentials=ROOT)
    assert 400 <= answer.status < 500 or (answer.status == 200 and "" in codes), answer
    assert answer.code in codes, answer
    assert len(answer.body) < 10_000
