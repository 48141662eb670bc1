"""What goes wrong when a filter pattern is read."""


class PatternError(ValueError):
    """A text is not a filter pattern. The message is one sentence for people.

    CloudWatch Logs answers `InvalidParameterException` with it.
    """
