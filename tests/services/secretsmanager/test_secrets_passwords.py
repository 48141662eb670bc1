"""Random passwords: every option, and what cannot be."""

import string
from pathlib import Path
from typing import Any

import pytest
from tests.services.refusals import refused
from tests.services.secretsmanager.keeping import Keeper, keeping

from strongroom.services.secretsmanager.random_passwords import _password

KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation)
ALL_BUT_LOWERCASE = {"ExcludeUppercase": True, "ExcludeNumbers": True, "ExcludePunctuation": True}


def test_every_option(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        async def passwords(**params: Any) -> list[str]:
            return [(await secrets("GetRandomPassword", **params))["RandomPassword"] for _ in range(40)]

        for password in await passwords():
            assert len(password) == 32
            assert all(set(password) & set(kind) for kind in KINDS)
            assert " " not in password
        for member, kind in (
            ("ExcludeLowercase", KINDS[0]),
            ("ExcludeUppercase", KINDS[1]),
            ("ExcludeNumbers", KINDS[2]),
            ("ExcludePunctuation", KINDS[3]),
        ):
            assert not any(set(password) & set(kind) for password in await passwords(**{member: True}))
        assert all(" " in password for password in await passwords(IncludeSpace=True))
        assert not any(set(password) & set('aeiou/"') for password in await passwords(ExcludeCharacters='aeiou/"'))
        assert all(len(password) == 4_096 for password in await passwords(PasswordLength=4_096))
        assert all(set(password) <= set(string.ascii_lowercase) for password in await passwords(**ALL_BUT_LOWERCASE))
        assert all(len(password) == 4 for password in await passwords(PasswordLength=4))
        loose = await passwords(PasswordLength=1, RequireEachIncludedType=False)
        assert all(len(password) == 1 for password in loose)
        assert len(set(await passwords())) == 40

    keeping(tmp_path, body)


@pytest.mark.parametrize(
    "params",
    [
        {"PasswordLength": 3},
        {"PasswordLength": 4, "IncludeSpace": True},
        {"ExcludeLowercase": True, **ALL_BUT_LOWERCASE},
        {**ALL_BUT_LOWERCASE, "ExcludeCharacters": string.ascii_lowercase},
    ],
    ids=str,
)
def test_what_cannot_be(tmp_path: Path, params: dict[str, Any]) -> None:
    async def body(secrets: Keeper) -> None:
        with refused("InvalidParameterException"):
            await secrets("GetRandomPassword", **params)

    keeping(tmp_path, body)


def test_every_character_comes_equally_often() -> None:
    counts = dict.fromkeys("abcdefgh", 0)
    for character in _password(["abcdefgh"], [], 80_000):
        counts[character] += 1
    assert all(9_500 < count < 10_500 for count in counts.values()), counts
