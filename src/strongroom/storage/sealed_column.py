"""The type of a column whose values are sealed, each for the place that its own row names."""

from sqlalchemy import LargeBinary, TypeDecorator


class Sealed(TypeDecorator[bytes]):
    """Sealed bytes. `place` is a template of column names: `access_keys/{access_key_id}`.

    The place is part of the additional authenticated data, so that a value moved to another row does not open. Naming
    it on the column lets a change of storage key find and re-seal every value without knowing the services.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place
