"""What a bucket is told to do and to be: its configurations, each put, shown and taken away.

`stored` serves those that are kept and returned, from one table; the rest have rules of their own.
"""
