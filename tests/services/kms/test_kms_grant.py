"""One grant's rules, tried with everything: a stricter constraint never lets anything more through."""

from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.services.kms.grants.grant import (
    WITH_CONTEXT,
    Constraints,
    Grant,
    allowance,
    grantable_operations,
)
from strongroom.services.kms.grants.grant_directory import GrantsOfGrantee

CONTEXTS = st.dictionaries(st.sampled_from("abA"), st.sampled_from("xX"), max_size=3)
SOURCES = st.none() | st.sampled_from(["arn:aws:sqs:us-east-1:111122223333:a", "arn:aws:sqs:us-east-1:111122223333:b"])
CONSTRAINTS = st.builds(Constraints, st.none() | CONTEXTS, st.none() | CONTEXTS, SOURCES)
OPERATIONS = st.sampled_from(["Decrypt", "Encrypt", "DescribeKey", "CreateGrant"])


@settings(max_examples=500)
@given(CONSTRAINTS, CONSTRAINTS, OPERATIONS, CONTEXTS, SOURCES)
def test_what_a_child_admits_its_parent_admits(
    parent: Constraints, child: Constraints, operation: str, context: dict[str, str], source: str | None
) -> None:
    if parent.are_met_by(child) and child.admit(operation, context, source):
        assert parent.admit(operation, context, source)


@given(CONTEXTS, CONTEXTS, st.booleans())
def test_more_pairs_are_stricter(demanded: dict[str, str], more: dict[str, str], exact: bool) -> None:
    parent, context = Constraints(subset=demanded), more | demanded
    child = Constraints(equals=context) if exact else Constraints(subset=context)
    assert parent.are_met_by(child)
    assert child.are_met_by(parent) == (context == demanded and not exact)


@given(CONSTRAINTS)
def test_constraints_are_as_strict_as_themselves(constraints: Constraints) -> None:
    assert constraints.are_met_by(constraints)
    assert Constraints.of(constraints.shown()) == constraints


@given(st.lists(st.tuples(st.sets(OPERATIONS, min_size=1), CONSTRAINTS), max_size=8), st.data())
def test_the_index_leaves_out_no_grant_that_fits(
    grants: list[tuple[set[str], Constraints]], data: st.DataObject
) -> None:
    made = [
        Grant(str(number), "arn:aws:iam::111122223333:user/a", "AIDA", frozenset(operations), constraints)
        for number, (operations, constraints) in enumerate(grants)
    ]
    index = GrantsOfGrantee()
    for grant in made * 2:
        index.add(grant)
    removed = data.draw(st.sets(st.sampled_from(made)) if made else st.just(set()))
    for grant in removed:
        index.discard(grant.grant_id)
        index.discard(grant.grant_id)
    operation, context, source = data.draw(OPERATIONS), data.draw(CONTEXTS), data.draw(SOURCES)

    def fits(grant: Grant) -> bool:
        return operation in grant.operations and grant.constraints.admit(operation, context, source)

    found = {
        grant.grant_id
        for grant in index.could_fit(operation, context, source)
        if grant.constraints.admit(operation, context, source)
    }
    assert found == {grant.grant_id for grant in made if fits(grant) and grant not in removed}
    assert len(index) == len(made) - len(removed)


def test_operations_by_kind_of_key() -> None:
    symmetric = grantable_operations("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    assert symmetric >= WITH_CONTEXT
    assert "GetPublicKey" not in symmetric
    assert "Sign" in grantable_operations("ECC_NIST_P256", "SIGN_VERIFY")
    assert "GenerateDataKey" not in grantable_operations("RSA_2048", "ENCRYPT_DECRYPT")
    assert grantable_operations("NEW_SPEC", "NEW_USAGE") == frozenset()


def test_a_principal_that_cannot_be_written_into_a_policy_is_allowed_nothing() -> None:
    policy = allowance("grant x", "arn:aws:iam::111122223333:nonsense", "x:y", ["kms:Decrypt"])
    assert policy.document.select("kms:Decrypt")[1] == ()
