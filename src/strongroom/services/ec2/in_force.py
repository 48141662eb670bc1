"""Networks in force: stub."""

from strongroom.operations.house import House


class NetworksInForce:
    """Follows."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def follow(self, account_id: str, region: str) -> None:
        """Follow."""
