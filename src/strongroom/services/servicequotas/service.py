"""Service Quotas as a service: its name in the audit trail, and its refusals."""

from strongroom.operations.registry import Service, serve
from strongroom.services.servicequotas.errors import denied, throttled

SERVICE_QUOTAS = serve(Service("service-quotas", "servicequotas.amazonaws.com", denied=denied, throttled=throttled))
