"""Secrets Manager as a service: its names."""

from strongroom.operations.registry import Service, serve

SECRETS_MANAGER = serve(Service("secretsmanager", "secretsmanager.amazonaws.com"))
