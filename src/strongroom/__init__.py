"""Strongroom: the AWS security stack that people run themselves."""

__version__ = "0.1.0"
