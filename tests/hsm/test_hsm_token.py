"""Tokens: found by label, opened with a PIN, shared, and found again after they failed."""

import itertools
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.running_server import eventually
from tests.softhsm import PIN, SoftHsm

from strongroom.base.errors import OperatorError
from strongroom.hsm import module as modules
from strongroom.hsm.errors import HsmError, KeyNotFound, ModuleUnusable, PinRefused, TokenNotFound, TokenUnavailable
from strongroom.hsm.key import TokenKey
from strongroom.hsm.token import Token, TokenLogin, open_token, read_pin

NUMBERS = itertools.count()


@pytest.fixture
def login(softhsm: SoftHsm) -> TokenLogin:
    """A token of the test's own, which it may break."""
    return softhsm.make_token(f"token {next(NUMBERS)}")


def test_a_module_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModuleUnusable, match="there is no PKCS#11 module"):
        open_token(TokenLogin(tmp_path / "no.so", "any", PIN))


def test_a_library_that_is_no_module(tmp_path: Path) -> None:
    text = tmp_path / "text.so"
    text.write_text("not a library")
    with pytest.raises(ModuleUnusable, match="cannot be used"):
        open_token(TokenLogin(text, "any", PIN))


def test_a_token_that_is_not_there(softhsm: SoftHsm) -> None:
    with pytest.raises(TokenNotFound, match="no PKCS#11 token labelled 'nobody'"):
        open_token(TokenLogin(softhsm.module, "nobody", PIN))


def test_two_tokens_of_one_label_are_none(softhsm: SoftHsm) -> None:
    twin = softhsm.make_token("twin")
    softhsm.make_token("twin")
    with pytest.raises(TokenNotFound, match="several PKCS#11 tokens labelled 'twin'"):
        open_token(twin)


@pytest.mark.parametrize("pin", ["wrong-pin", "", "x" * 300])
def test_a_wrong_pin(login: TokenLogin, pin: str) -> None:
    with pytest.raises(PinRefused) as refusal:
        open_token(TokenLogin(login.module, login.label, pin))
    assert PIN not in str(refusal.value)
    open_token(login).close()


def test_a_wrong_pin_is_refused_while_another_user_is_logged_in(login: TokenLogin) -> None:
    with open_token(login) as token:
        key = TokenKey(token, token.use(lambda logged_in: logged_in.generate_key("k")))
        sealed = key.encrypt(b"before", b"")
        with pytest.raises(PinRefused):
            open_token(TokenLogin(login.module, login.label, "wrong-pin"))
        assert key.decrypt(sealed, b"") == b"before"
        with open_token(login) as again:
            assert again is token
        assert key.decrypt(sealed, b"") == b"before", "the first user stays logged in"


def change_pin(token: Token, old: str, new: str) -> None:
    with token.use(lambda logged_in: logged_in.session.token.open(rw=True)) as writing:
        writing.set_pin(old, new)


def test_a_pin_that_is_refused_is_not_tried_again_and_again(login: TokenLogin) -> None:
    changed = TokenLogin(login.module, login.label, "the-next-pin")
    with open_token(login) as token:
        key = TokenKey(token, token.use(lambda logged_in: logged_in.generate_key("k")))
        sealed = key.encrypt(b"before", b"")
        change_pin(token, PIN, changed.pin)
        assert key.decrypt(sealed, b"") == b"before", "who is logged in stays so"
        modules.load_module(login.module).restart()
        with pytest.raises(PinRefused):
            key.decrypt(sealed, b"")
        with pytest.raises(PinRefused):
            open_token(login)
        with open_token(changed) as again:
            assert again is token
            assert key.decrypt(sealed, b"") == b"before", "whoever knows the PIN opens it for all"
            change_pin(token, changed.pin, "one-more-pin")
            modules.load_module(login.module).restart()
            with pytest.raises(PinRefused):
                key.decrypt(sealed, b"")
            with open_token(replace(changed, pin="one-more-pin")):
                change_pin(token, "one-more-pin", changed.pin)
            modules.load_module(login.module).restart()
            for _ in range(3):
                with pytest.raises(PinRefused):
                    key.decrypt(sealed, b"")
            open_token(changed).close()
            assert key.decrypt(sealed, b"") == b"before"


def test_nothing_shows_a_pin(login: TokenLogin) -> None:
    assert PIN not in repr(login)
    with open_token(login) as token:
        assert PIN not in repr(token)


def test_a_token_made_after_the_module_was_loaded_is_found(softhsm: SoftHsm, login: TokenLogin) -> None:
    open_token(login).close()
    open_token(softhsm.make_token("made later")).close()


def test_a_restart_of_the_module_ends_no_other_token(softhsm: SoftHsm, login: TokenLogin) -> None:
    with open_token(login) as token:
        key = TokenKey(token, token.use(lambda logged_in: logged_in.generate_key("k")))
        sealed = key.encrypt(b"before", b"")
        with open_token(softhsm.make_token("causes a restart")) as other:
            other_key = TokenKey(other, other.use(lambda logged_in: logged_in.generate_key("k")))
            for _ in range(2):
                assert key.decrypt(sealed, b"") == b"before"
                other_key.check()


def test_a_token_that_goes_away_says_so_and_works_again_when_it_is_back(
    softhsm: SoftHsm, login: TokenLogin, tmp_path: Path
) -> None:
    with open_token(login) as token:
        key = TokenKey(token, token.use(lambda logged_in: logged_in.generate_key("k")))
        sealed = key.encrypt(b"before", b"aad")
        shutil.move(softhsm.tokens, tmp_path / "away")
        for attempt in (lambda: key.encrypt(b"x", b""), lambda: key.decrypt(sealed, b"aad"), key.check):
            with pytest.raises(HsmError) as refusal:
                attempt()
            assert isinstance(refusal.value, TokenNotFound | TokenUnavailable | KeyNotFound)
        shutil.move(tmp_path / "away", softhsm.tokens)
        assert key.decrypt(sealed, b"aad") == b"before"


def test_restarts_are_a_second_apart(login: TokenLogin, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_token(login) as token:
        monkeypatch.setattr(modules, "RESTART_SECONDS_MIN", 1.0)
        module = modules.load_module(login.module)
        module.restart()
        before = module.generation
        absent = TokenKey(token, b"absent")
        for _ in range(3):
            with pytest.raises(KeyNotFound):
                absent.encrypt(b"", b"")
        assert module.generation == before
        eventually(5, lambda: module.restart() or module.generation > before)


def test_threads_share_a_token(login: TokenLogin) -> None:
    """The module is started as for one thread: nothing but our lock keeps threads apart in it."""
    failures: list[BaseException] = []
    with open_token(login) as token:
        keys = [TokenKey(token, token.use(lambda logged_in: logged_in.generate_key("k"))) for _ in range(4)]

        def work(key: TokenKey) -> None:
            try:
                for number in range(200):
                    message = b"%d" % number
                    assert key.decrypt(key.encrypt(message, message), message) == message
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(key,)) for key in keys * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_the_pin_file_is_private_and_its_first_line_counts(tmp_path: Path) -> None:
    path = tmp_path / "pin"
    path.write_bytes("pin with spaces, é\r\nanother line\n".encode())
    path.chmod(0o640)
    with pytest.raises(OperatorError, match=r"PIN file .* is open to others than its owner"):
        read_pin(path)
    path.chmod(0o400)
    assert read_pin(path) == "pin with spaces, é"
    for content in (b"", b"\n1234", b"\xff\xfe"):
        path.chmod(0o600)
        path.write_bytes(content)
        with pytest.raises(OperatorError, match="PIN file"):
            read_pin(path)
    with pytest.raises(OperatorError, match="there is no PIN file"):
        read_pin(tmp_path / "none")


def test_without_the_library_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "pkcs11.py").write_text("raise ImportError\n")
    program = "import strongroom.hsm.token"
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "OperatorError: PKCS#11 tokens need the package python-pkcs11" in done.stderr
    assert "pip install 'strongroom[hsm]'" in done.stderr
