"""Lifecycle: what a bucket forgets by itself. `rules` says what, `runs` does it, `configuration` stores it."""
