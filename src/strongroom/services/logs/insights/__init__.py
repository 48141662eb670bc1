"""The query language of Logs Insights: parse a query once, run it over events.

    query = parse_query("filter level = 'ERROR' | stats count(*) by bin(5m)")
    rows, matched = query.run(events, limit=None)

Source: CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax".
"""

from strongroom.services.logs.insights.errors import QueryError, QueryTooLargeError
from strongroom.services.logs.insights.query import Query, parse_query
from strongroom.services.logs.insights.results import QueryEvent, QueryResult

__all__ = ["Query", "QueryError", "QueryEvent", "QueryResult", "QueryTooLargeError", "parse_query"]
