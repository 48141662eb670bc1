"""Every metric of the server's own, with its labels: asked of the collector itself."""

from strongroom.operations.quotas.house_quotas import Counted, Counts
from strongroom.server.counters import RequestCounters
from strongroom.server.metrics import StrongroomCollector
from strongroom.server.protocol import ConnectionLimits, DoorState


def metric_table() -> str:
    """Return the metrics as a Markdown table."""
    lines = ["| metric | type | labels | what |", "| --- | --- | --- | --- |"]
    collector = StrongroomCollector(DoorState(ConnectionLimits()), RequestCounters(), {Counted("", "", ""): Counts()})
    for metric in collector.collect():
        suffix = "_total" if metric.type == "counter" else ""
        labels = ", ".join(f"`{label}`" for label in getattr(metric, "_labelnames", ()))
        lines.append(f"| `{metric.name}{suffix}` | {metric.type} | {labels} | {metric.documentation} |")
    return "\n".join(lines)
