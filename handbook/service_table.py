"""What a service serves, operation by operation, and what it does not: from the registry and the service's model."""

from strongroom.model.service import OperationModel, service_model
from strongroom.operations.quotas.quota import RequestQuota
from strongroom.operations.registry import OPERATIONS, SERVICES, Operation
from strongroom.server.house import SERVED

__all__ = ["SERVED", "refusal", "served", "service_names", "service_table", "summary_table", "unserved"]


def service_names() -> list[str]:
    """Return the names of all services that are served, as botocore has them."""
    return sorted(SERVICES)


def served(service: str) -> list[Operation]:
    """Return the operations of a service that clients can call and that have a handler, by name."""
    models = service_model(service).operations
    return [OPERATIONS[service, name] for name in sorted(models) if (service, name) in OPERATIONS]


def unserved(service: str) -> list[OperationModel]:
    """Return the operations that the service's model has and Strongroom refuses, by name."""
    models = service_model(service).operations
    return [models[name] for name in sorted(models) if (service, name) not in OPERATIONS]


def refusal(service: str) -> tuple[str, int]:
    """Return the error code and the HTTP status with which an operation that is not served is refused."""
    if service_model(service).protocols[0] == "rest-xml":
        return "NotImplemented", 501
    return "UnsupportedOperationException", 400


def service_table(service: str) -> str:
    """Return the tables of a service as Markdown. Raises KeyError for a service that is not served."""
    model, here, missing = service_model(service), served(service), unserved(service)
    count = len(here) + len(missing)
    lines = [
        f"Served: **{len(here)} of the {count} operations** of {model.full_name} (API version {model.api_version}).",
        "",
        "| operation | what it does | changes something | counts against |",
        "| --- | --- | --- | --- |",
        *(_row(operation) for operation in here),
    ]
    if missing:
        code, status = refusal(service)
        names = ", ".join(f"`{operation.name}`" for operation in missing)
        lines += [
            "",
            f"Not served: the {len(missing)} operations below. Each is refused with `{code}` (HTTP {status}), "
            f"*Strongroom does not serve {service}:{missing[0].name} yet.* (with its own name), and is recorded.",
            "",
            names,
        ]
    return "\n".join(lines)


def summary_table() -> str:
    """Return one line for every service: how many of its operations are served."""
    lines = ["| service | served | of |", "| --- | --- | --- |"]
    for service in service_names():
        here, missing = len(served(service)), len(unserved(service))
        lines.append(f"| [{service_model(service).full_name}]({service}.md) | {here} | {here + missing} |")
    return "\n".join(lines)


def _row(operation: Operation) -> str:
    changes = "" if operation.reads_only else "yes"
    return f"| `{operation.name}` | {_purpose(operation)} | {changes} | {_quota(operation)} |"


def _purpose(operation: Operation) -> str:
    """The first sentence of what the handler's docstring says."""
    text = " ".join((operation.handler.__doc__ or "").split("\n\n")[0].split())
    return text.split(". Source:")[0].replace("|", "\\|").rstrip(".")


def _quota(operation: Operation) -> str:
    quota = operation.quota
    if quota is None:
        return ""
    if isinstance(quota, RequestQuota):
        return f"{quota.name} (`{quota.code}`)"
    return "depends on the key" if operation.service.name == "kms" else "depends on the call"
