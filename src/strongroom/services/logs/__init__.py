"""CloudWatch Logs. Importing this package registers its operations.

`groups/` are log groups and streams, `events/` what is in them, `filters/` metric and subscription filters,
`filter_patterns/` and `insights/` the two languages, `queries/` Logs Insights, `exports/` exports to S3; `live_tail`
streams events as they come in, `resource_policies` lets AWS services put them.
"""

from strongroom.services.logs import live_tail, records, resource_policies
from strongroom.services.logs.events import filter as filter_events
from strongroom.services.logs.events import get, put, retention
from strongroom.services.logs.exports import runs as export_runs
from strongroom.services.logs.exports import tasks as export_tasks
from strongroom.services.logs.filters import metric_filters, subscription_filters
from strongroom.services.logs.groups import encryption, groups, listing, settings, streams, tagging
from strongroom.services.logs.queries import definitions, queries
from strongroom.services.logs.service import LOGS

__all__ = [
    "LOGS",
    "definitions",
    "encryption",
    "export_runs",
    "export_tasks",
    "filter_events",
    "get",
    "groups",
    "listing",
    "live_tail",
    "metric_filters",
    "put",
    "queries",
    "records",
    "resource_policies",
    "retention",
    "settings",
    "streams",
    "subscription_filters",
    "tagging",
]
