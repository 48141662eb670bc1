"""How an image is refused."""


class ImageRefused(Exception):  # noqa: N818 (it says what happened)
    """An image cannot be had, or cannot be used. The text says why, for whoever named it."""
