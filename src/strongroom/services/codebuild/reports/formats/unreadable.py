"""What is said of a file that cannot be read."""


class UnreadableReport(ValueError):  # noqa: N818 (it says what it is)
    """A file is not of the format that it is said to be. The text says why, and quotes little of it."""
