"""What verifying a signature says when it does not hold."""


class InvalidSignature(Exception):  # noqa: N818 (it says what happened)
    """The signature was not made over this message with the private key of this public key. It never says why."""

    def __init__(self) -> None:
        super().__init__("the signature is not valid")
