"""Logs Insights: `queries` starts, stops and shows queries, `runs` carries them out, `results` keeps what they find,
`definitions` are queries that somebody saved. The language itself is in `services/logs/insights/`."""
