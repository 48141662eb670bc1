"""AWS Security Token Service. Importing this package registers its operations."""

from strongroom.services.sts import identity
from strongroom.services.sts.service import STS

__all__ = ["STS", "identity"]
