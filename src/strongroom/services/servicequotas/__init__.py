"""Service Quotas. Importing this package registers its operations.

`quotas` shows what services declared, `requests` are increases that accounts ask for, `approval` decides on them,
`templates` asks in the name of new accounts, `tagging` and `reports` are what they say.
"""

from strongroom.services.servicequotas import approval, quotas, reports, requests, tagging, templates
from strongroom.services.servicequotas.service import SERVICE_QUOTAS

__all__ = ["SERVICE_QUOTAS", "approval", "quotas", "reports", "requests", "tagging", "templates"]
