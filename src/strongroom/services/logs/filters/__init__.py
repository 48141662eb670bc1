"""Filters of log groups: metric filters and subscription filters, and the patterns that both have."""
