"""Lifecycle: what a bucket is told to forget by itself. `rules` says what, `runs` does it, `configuration` stores it."""
