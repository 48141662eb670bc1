"""Builds at work: one run is `build_run`; the rest is what its phases do, one file each."""
