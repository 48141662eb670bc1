"""Counters in Prometheus's words. Everything is computed when somebody asks; requests only add to plain counters."""

from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from strongroom import __version__
from strongroom.operations.quotas.house_quotas import Counted, Counts
from strongroom.server.counters import SECONDS_BOUNDS, RequestCounters
from strongroom.server.protocol import DoorState


class StrongroomCollector(Collector):
    """Reads the counters of the door, of the pipeline, and of the request quotas."""

    def __init__(self, door: DoorState, requests: RequestCounters, quotas: Mapping[Counted, Counts]) -> None:
        self._door = door
        self._requests = requests
        self._quotas = quotas

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of this server."""
        build = GaugeMetricFamily("strongroom_build", "Always 1; the version is a label.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        yield from self._door_metrics()
        yield self._request_metric()
        yield from self._quota_metrics()

    def _door_metrics(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("strongroom_connections", "Open connections.", len(self._door.connections))
        yield CounterMetricFamily("strongroom_http_responses", "HTTP responses sent.", self._door.total_requests)
        refused = CounterMetricFamily(
            "strongroom_connections_refused",
            "Connections refused before any service, by HTTP status.",
            None,
            ["status"],
        )
        for status, count in sorted(self._door.refusals.items()):
            refused.add_metric([str(int(status))], count)
        yield refused

    def _quota_metrics(self) -> Iterator[Metric]:
        labels = ["quota", "account", "region"]
        taken = CounterMetricFamily(
            "strongroom_quota_requests",
            "Requests let through by the request quota that they count against.",
            labels=labels,
        )
        throttled = CounterMetricFamily(
            "strongroom_quota_throttled", "Requests refused because a request quota was used up.", labels=labels
        )
        for counted, counts in sorted(self._quotas.items()):
            taken.add_metric(counted, counts.taken)
            throttled.add_metric(counted, counts.throttled)
        yield taken
        yield throttled

    def _request_metric(self) -> Metric:
        bounds = [*(str(bound) for bound in SECONDS_BOUNDS), "+Inf"]
        requests = HistogramMetricFamily(
            "strongroom_request_duration_seconds",
            "Requests by service, operation and error code (empty for success).",
            labels=["service", "operation", "code"],
        )
        for labels, tally in sorted(self._requests.tallies.items()):
            requests.add_metric(labels, list(zip(bounds, accumulate(tally.counts), strict=True)), tally.seconds)
        return requests


class Metrics:
    """A registry of this server's own: the process, the platform, the door and the requests."""

    content_type = b"text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, collector: Collector) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(collector)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def render(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self._registry)
