"""AWS CloudHSM clusters, for each of which a PKCS#11 token stands, as the operator says."""

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from strongroom.base.errors import OperatorError
from strongroom.base.key_store_options import parse_clusters
from strongroom.operations.house import House
from strongroom.services.kms.key_stores.connections import Connections
from strongroom.services.kms.key_stores.key_store import KeyStore

if TYPE_CHECKING:
    from strongroom.hsm.token import Token
    from strongroom.hsm.worker import TokenWorker

T = TypeVar("T")


class ClusterTokens(Connections["Token"]):
    """The token of each connected AWS CloudHSM key store. The password of the user kmsuser is the token's PIN."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self._clusters = parse_clusters(house.configuration.cloudhsm_clusters)
        self._worker: TokenWorker | None = None
        self._refused: dict[KeyStore, OperatorError] = {}
        house.store.subscribe(self._forget_refusals)

    def knows(self, cluster_id: str) -> bool:
        """Whether a token stands for this cluster."""
        return cluster_id in self._clusters

    async def run(self, work: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
        """Do work with tokens beside the event loop, as `TokenWorker.run` does. Raises HsmError, what `work` raises."""
        if self._worker is None:
            from strongroom.hsm.worker import TokenWorker

            self._worker = TokenWorker()
        return await self._worker.run(work, undo)

    async def is_present(self, cluster_id: str) -> bool:
        """Whether the token of a cluster is there. Raises HsmError."""
        cluster = self._clusters[cluster_id]

        def look() -> bool:
            from strongroom.hsm.token import is_present

            return is_present(cluster.module, cluster.token)

        return await self.run(look)

    async def opened(self, cluster_id: str, password: str) -> "Token":
        """Return the token of a cluster, logged in, which its opener closes. Raises HsmError."""
        cluster = self._clusters[cluster_id]

        def log_in() -> "Token":
            from strongroom.hsm.token import TokenLogin, open_token

            return open_token(TokenLogin(cluster.module, cluster.token, password))

        return await self.run(log_in, lambda token: token.close())

    async def _open(self, store: KeyStore) -> "Token":
        from strongroom.hsm.errors import PinRefused

        # A password that was refused is not tried again until the key store is connected anew: after a few more tries
        # the token would take none at all.
        if store in self._refused:
            raise self._refused[store]
        try:
            return await self.opened(store.cluster_id, store.password)
        except PinRefused as error:
            self._refused[store] = error
            raise

    def _forget_refusals(self, names: Sequence[str]) -> None:
        if not names or any(name.startswith("kms-key-stores/") for name in names):
            self._refused.clear()

    def _close(self, connection: "Token") -> None:
        # Logging out waits for the token, which is not for the event loop's thread.
        if self._worker is not None:
            self._worker.begin(connection.close)

    async def _close_all(self) -> None:
        tokens = [token for _, token in self._kept.values()]
        self._kept.clear()
        for token in tokens:
            with contextlib.suppress(OperatorError):
                await self.run(token.close)
        if self._worker is not None:
            self._worker.close()
