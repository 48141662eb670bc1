"""What everything else stands on: errors, ARNs, the clock, configuration and the context of a request.

Imports nothing of Strongroom's own.
"""
