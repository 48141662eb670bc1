"""Principals kept by unique id: what is replaced in a policy's text, and what never is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.identities.pinned_principals import aws_principals, pinned, shown

ALICE = "arn:aws:iam::111122223333:user/alice"
ROLE = "arn:aws:iam::111122223333:role/path/app"
ALICE_ID, ROLE_ID = "AIDAABCDEFGHIJKLMNOP2", "AROAABCDEFGHIJKLMNOP2"
TO_ID = {ALICE: ALICE_ID, ROLE: ROLE_ID}
TO_ARN = {value: key for key, value in TO_ID.items()}

EVERYWHERE = f"""
 {{ "Version":"2012-10-17",\t"Id": "{ALICE}",
  "Statement" : [
    {{"Sid":"{ALICE}", "Effect":"Allow", "Principal": {{ "AWS" : "{ALICE}" }}, "Action":"*", "Resource":"{ALICE}"}},
    {{"Effect":"Deny", "NotPrincipal": {{"AWS":["{ROLE}" ,"{ALICE}","111122223333"], "Service": "{ALICE}"}},
      "Action":["kms:*"], "Resource":["{ROLE}"],
      "Condition": {{"ArnEquals": {{"aws:PrincipalArn": ["{ALICE}"], "Principal": "{ALICE}", "AWS": "{ROLE}"}}}}}},
    {{"Effect":"Allow", "Principal":"*", "Action":"kms:*", "Resource":"*"}}
  ]}} """


def test_only_aws_principals_of_statements_are_replaced() -> None:
    stored = pinned(EVERYWHERE, TO_ID.get)
    expected = EVERYWHERE.replace(f'"AWS" : "{ALICE}"', f'"AWS" : "{ALICE_ID}"')
    expected = expected.replace(f'["{ROLE}" ,"{ALICE}","111', f'["{ROLE_ID}" ,"{ALICE_ID}","111')
    assert stored == expected
    assert stored != EVERYWHERE
    assert shown(stored, TO_ARN.get) == EVERYWHERE
    assert aws_principals(EVERYWHERE) == {ALICE, ROLE, "111122223333"}


def test_one_statement_without_a_list() -> None:
    text = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"AWS": ALICE}, "Action": "*", "Resource": "*"}})
    assert pinned(text, TO_ID.get) == text.replace(ALICE, ALICE_ID)


def test_escapes_are_read() -> None:
    text = (
        f'{{"Statement":{{"Pri\\u006ecipal":{{"A\\u0057S":"{ALICE.replace("/", chr(92) + "/")}"}},"Sid":"a\\"b{{"}}}}'
    )
    assert json.loads(text)["Statement"]["Principal"] == {"AWS": ALICE}
    assert json.loads(pinned(text, TO_ID.get))["Statement"]["Principal"] == {"AWS": ALICE_ID}


def test_who_does_not_exist_any_more_is_shown_by_id() -> None:
    stored = pinned(EVERYWHERE, TO_ID.get)
    seen = shown(stored, {ROLE_ID: ROLE}.get)
    assert aws_principals(seen) == {ALICE_ID, ROLE, "111122223333"}


@pytest.mark.parametrize("text", ["", "{", '{"Statement":', "]]}}", '"a', '{"Statement":{"Principal":{"AWS":"\\x"}}}'])
def test_what_is_no_policy_stays_as_it_is(text: str) -> None:
    assert pinned(text, lambda _: None) == text


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([ALICE, "AWS", "Principal", "*"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Statement", "Principal", "NotPrincipal", "AWS", "Condition"]), inner)
    ),
    max_leaves=12,
)


@given(_JSON, st.sampled_from([None, 2]), st.booleans())
def test_any_json_keeps_its_meaning_everywhere_else(value: object, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert pinned(text, lambda _: None) == text
    changed = pinned(text, TO_ID.get)
    assert json.loads(changed) == _expected(value)


def _expected(value: object) -> object:
    """The same, worked out on the parsed value."""

    def inside(part: object, names: tuple[str, ...]) -> object:
        if isinstance(part, dict):
            return {name: inside(each, (*names, name)) for name, each in part.items()}
        if isinstance(part, list):
            return [inside(each, names) for each in part]
        is_principal = names in {("Statement", "Principal", "AWS"), ("Statement", "NotPrincipal", "AWS")}
        return TO_ID.get(part, part) if is_principal and isinstance(part, str) else part

    return inside(value, ())
