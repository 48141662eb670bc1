"""Every metric of the server's own, with its labels: asked of the collector itself."""

from typing import NamedTuple

from prometheus_client.metrics_core import Metric

from strongroom.operations.quotas.house_quotas import Counted, Counts
from strongroom.server.counters import RequestCounters
from strongroom.server.metrics import StrongroomCollector
from strongroom.server.protocol import DoorState


def metric_table() -> str:
    """Return the metrics as a Markdown table."""
    lines = ["| metric | type | labels | what |", "| --- | --- | --- | --- |"]
    for metric in metrics():
        suffix = "_total" if metric.type == "counter" else ""
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)
        lines.append(f"| `{metric.name}{suffix}` | {metric.type} | {labels} | {metric.documentation} |")
    return "\n".join(lines)
