"""AWS Security Token Service. Importing this package registers its operations."""

from strongroom.services.sts import assume_role, authorization_messages, identity, user_sessions, web_identity
from strongroom.services.sts.service import STS

__all__ = ["STS", "assume_role", "authorization_messages", "identity", "user_sessions", "web_identity"]
