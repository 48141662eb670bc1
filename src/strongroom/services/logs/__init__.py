"""CloudWatch Logs. Importing this package registers its operations.

`groups/` are log groups and streams, `events/` what is in them, `filters/` metric and subscription filters,
`filter_patterns/` and `insights/` the two languages, `queries/` Logs Insights, `exports/` exports to S3; `live_tail`
streams events as they come in, `resource_policies` lets AWS services put them.
"""

from strongroom.services.logs.events import filter as filter_events
from strongroom.services.logs.events import get, put, retention
from strongroom.services.logs.groups import encryption, groups, listing, settings, streams, tagging
from strongroom.services.logs.service import LOGS

__all__ = [
    "LOGS",
    "encryption",
    "filter_events",
    "get",
    "groups",
    "listing",
    "put",
    "retention",
    "settings",
    "streams",
    "tagging",
]
