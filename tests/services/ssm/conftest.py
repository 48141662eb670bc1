from tests.services.ssm.asking import in_sqlite_house

__all__ = ["in_sqlite_house"]
