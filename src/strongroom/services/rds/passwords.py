"""Master passwords that RDS keeps itself: what they may be, and how they are sealed.

Source: Amazon RDS API Reference, CreateDBInstance (MasterUserPassword).
"""

from strongroom.envelope.sealed import Sealer
from strongroom.services.rds.database import Place
from strongroom.services.rds.errors import invalid_value
from strongroom.services.rds.instance import Instance
from strongroom.services.rds.tables import NEW_PASSWORD_PLACE, PASSWORD_PLACE

_EXCLUDED = frozenset('/"@ ')
_LENGTH_MIN = 8
_LENGTHS_MAX = {"postgres": 128}
_LENGTH_MAX = 41


def checked_new_password(password: str, engine: str) -> str:
    """Return a password that is to be set. Raises InvalidParameterValue."""
    longest = _LENGTHS_MAX.get(engine, _LENGTH_MAX)
    if not _LENGTH_MIN <= len(password) <= longest:
        raise invalid_value(
            f"The parameter MasterUserPassword is not a valid password because it is shorter than {_LENGTH_MIN} "
            f"characters, or longer than {longest}."
        )
    if not password.isascii() or not password.isprintable() or _EXCLUDED & set(password):
        raise invalid_value(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', "
            "'@', '\"', ' ' may be used."
        )
    return password


def seal_password(sealer: Sealer, account_id: str, region: str, identifier: str, password: str) -> bytes:
    """Return a password, sealed for the column of an instance."""
    place = PASSWORD_PLACE.format(account_id=account_id, region=region, identifier=identifier)
    return sealer.seal(password.encode(), place)


def seal_new_password(sealer: Sealer, instance: Instance, password: str) -> bytes:
    """Return a password that is to be set, sealed for the column of an instance."""
    return sealer.seal(password.encode(), _place_of(NEW_PASSWORD_PLACE, instance))


def known_passwords(sealer: Sealer, instance: Instance) -> list[str]:
    """Return the passwords of which the database has one, those first that were set last."""
    found = []
    if instance.sealed_new_password is not None:
        found.append(sealer.open(instance.sealed_new_password, _place_of(NEW_PASSWORD_PLACE, instance)).decode())
    if instance.sealed_password is not None:
        found.append(sealer.open(instance.sealed_password, _place_of(PASSWORD_PLACE, instance)).decode())
    return found


def _place_of(template: str, instance: Instance) -> str:
    return template.format(account_id=instance.account_id, region=instance.region, identifier=instance.identifier)


def database_of(instance: Instance) -> Place:
    """Return where an instance's database is, and who its master user is."""
    return Place(
        instance.account_id,
        instance.arn,
        instance.engine,
        instance.address,
        instance.database,
        instance.verifies_tls,
        instance.master_username,
    )
