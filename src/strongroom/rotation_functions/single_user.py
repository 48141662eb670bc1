"""One user, whose password changes: for a moment the secret has the old one when the database has the new one.

Source: AWS Secrets Manager User Guide, "Lambda function rotation strategies".
"""

from .engine import Engine, Login, LoginError
from .secret import RotationError, Values, Versions, login_of


class SingleUser:
    """The user changes its own password."""

    def next_values(self, current: Values, engine: Engine) -> Values:
        """Return the same user's secret."""
        login_of(current, engine)
        return current

    def set_password(self, versions: Versions, engine: Engine) -> None:
        """Log in by whichever version the database lets in, and change the password to the pending one.

        Raises RotationError when the database lets none in.
        """
        pending = login_of(versions.pending(), engine)
        refusals = []
        for login in (pending, *_earlier(versions, engine, pending)):
            try:
                with engine.open(login) as session:
                    if login != pending:
                        session.change_own_password(pending.password)
                    return
            except LoginError as refused:
                refusals.append(str(refused))
        raise RotationError(
            f"The database lets in neither the pending, nor the current, nor the previous version of secret "
            f"{versions.secret_id}: {refusals[-1]}"
        )


def _earlier(versions: Versions, engine: Engine, pending: Login) -> list[Login]:
    """Return the credentials that may still be in force. What is somebody else's is refused, or left out.

    Raises RotationError when the current version is another user's, or another database's: its password must not be
    sent to where the pending version says that the database is.
    """
    current = login_of(versions.current(), engine)
    if (current.host, current.username) != (pending.host, pending.username):
        raise RotationError("The pending version must be about the same host and user as the current one.")
    values = versions.previous()
    if values is None:
        return [current]
    try:
        previous = login_of(values, engine)
    except RotationError:
        return [current]
    is_same = (previous.host, previous.username) == (current.host, current.username)
    return [current, previous] if is_same else [current]
