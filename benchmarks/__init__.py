"""Strongroom's KMS measured beside its peers and its floor, in one interleaved run.

`python -m benchmarks` starts every server on the loopback interface with one worker process, drives each in turn
with the same signed requests, and prints requests a second and server CPU a request. docs/performance.md says more.
"""
