import pytest

from strongroom.base.errors import OperatorError
from strongroom.base.outbound_addresses import Address, may_reach, parse_address, parse_outbound_addresses

FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:rotate-orders"
DATABASE = Address("db.example.com", 5432)


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [
        ("db.example.com:5432", True),
        ("DB.example.com:5432", True),
        ("db.example.com:5433", False),
        ("example.com:5432", False),
        ("111122223333=db.example.com:5432", True),
        ("444455556666=db.example.com:5432", False),
        ("arn:aws:lambda:*:111122223333:function:rotate-*=db.example.com:5432", True),
        ("arn:aws:lambda:*:111122223333:function:orders-*=db.example.com:5432", False),
        ("arn:aws:lambda:*:*:function:rotate=db.example.com:5432", False),
        (f"{FUNCTION}=db.example.com:5432", True),
    ],
)
def test_who_may_reach_what(setting: str, allowed: bool) -> None:
    assert may_reach(("other:1", setting), "111122223333", FUNCTION, DATABASE) is allowed


def test_nothing_is_allowed_unless_named() -> None:
    assert not may_reach((), "111122223333", FUNCTION, DATABASE)


@pytest.mark.parametrize(
    "text", ["", "db", "db:", "db:0", "db:65536", ":1", "a b:1", "db:1x", "*:1", "db:*", "-:1", "[::1:1", "db/x:1"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_address(text)
    with pytest.raises(OperatorError, match="outbound-addresses"):
        parse_outbound_addresses([text])


@pytest.mark.parametrize("who", ["1234", "*", "arn:aws:lambda: :x", "everybody"])
def test_who_is_nobody(who: str) -> None:
    with pytest.raises(OperatorError, match="no account id and no ARN"):
        parse_outbound_addresses([f"{who}=db:1"])


def test_an_address_of_ipv6() -> None:
    assert parse_address("[::1]:5432") == Address("::1", 5432)
    assert str(Address("::1", 5432)) == "[::1]:5432"
    assert str(DATABASE) == "db.example.com:5432"
