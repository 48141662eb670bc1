"""Lambda as a service: its names, and its refusals."""

from strongroom.operations.registry import Service, serve
from strongroom.services.lambda_.errors import denied, throttled

LAMBDA = serve(Service("lambda", "lambda.amazonaws.com", denied=denied, throttled=throttled))

PRINCIPAL = "lambda.amazonaws.com"
"""The service principal that execution roles trust."""
