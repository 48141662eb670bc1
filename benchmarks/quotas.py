"""What it costs to count a request against its quota: an Encrypt with a symmetric key, under the default quota.

The buckets' memory is that of the only server of a store, or one that servers share and lock.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from strongroom.base.context import Origin
from strongroom.operations.call import Call
from strongroom.operations.callers import Caller
from strongroom.operations.house import House
from strongroom.operations.quotas.house_quotas import HouseQuotas
from strongroom.operations.quotas.memory_file import ServedMemory
from strongroom.operations.registry import OPERATIONS
from strongroom.storage.store import Store

ACCOUNT_ID = "111122223333"


@contextmanager
def one_take(*, is_shared: bool) -> Iterator[Callable[[], Any]]:
    """Yield a function that takes for one Encrypt in us-east-1."""
    with tempfile.TemporaryDirectory() as directory:
        buckets = ServedMemory(Path(directory, "quotas"), is_shared=is_shared)
        quotas = HouseQuotas(cast(Store, _Store()), buckets.memory, enforced=True)
        operation = OPERATIONS["kms", "Encrypt"]
        caller = Caller.root(ACCOUNT_ID, "AKIABENCHMARKROOT000")
        call = Call(cast(House, None), operation, {}, caller, Origin("", 0.0, "127.0.0.1", False), "us-east-1")
        call.target = _Key()
        quota = operation.quota
        if quota is None:
            raise RuntimeError("Encrypt counts against no quota: this would measure nothing")
        yield lambda: quotas.take(call, quota)
        buckets.leave()


class _Key:
    """As much of a key as its quota depends on."""

    spec = "SYMMETRIC_DEFAULT"
    origin = "AWS_KMS"


class _Store:
    """As much of a store as quotas look at before their values change."""

    def subscribe(self, callback: object) -> None:
        """Tell of nothing."""
