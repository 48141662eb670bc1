"""ARNs: what is one, and what its parts are."""

import hypothesis
import hypothesis.strategies as st
import pytest

from strongroom.base.arn import Arn, parse_arn, partition_of, root_arn

part = st.text(st.characters(exclude_characters=":\0"), min_size=1, max_size=10)


def test_the_parts() -> None:
    text = "arn:aws:kms:us-east-1:111122223333:key/1234"
    assert parse_arn(text) == Arn("aws", "kms", "us-east-1", "111122223333", "key/1234")
    assert parse_arn("arn:aws:s3:::bucket/a:b") == Arn("aws", "s3", "", "", "bucket/a:b")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "arn",
        "arn:aws:kms",
        "arn:aws:kms:r:a",
        "arn:aws:kms:r:a:",
        "urn:aws:kms:r:a:x",
        "arn::kms:r:a:x",
        "arn:aws:kms:r:a:x\0",
    ],
)
def test_what_is_no_arn(text: str) -> None:
    assert parse_arn(text) is None


@hypothesis.given(part, part, part, part, st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=20))
def test_an_arn_reads_back_as_it_was_written(
    partition: str, service: str, region: str, account_id: str, resource: str
) -> None:
    arn = Arn(partition, service, region, account_id, resource)
    assert parse_arn(str(arn)) == arn


def test_partitions() -> None:
    assert [partition_of(each) for each in ("us-east-1", "cn-north-1", "us-gov-west-1", "eu-west-1")] == [
        "aws",
        "aws-cn",
        "aws-us-gov",
        "aws",
    ]
    assert root_arn("111122223333") == "arn:aws:iam::111122223333:root"
