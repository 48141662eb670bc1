"""A network namespace that is joined to a VPC, as it is handed to what runs in it."""

import os
from dataclasses import dataclass


@dataclass(slots=True)
class JoinedNetwork:
    """A network namespace that is joined to a VPC, to run a job in (see `sandbox.prepare`).

    `network` is a descriptor of it; `user` one of the user namespace that has to be entered first, None when root made
    it. Both are closed by `close`, after which the namespace lives as long as its interface is attached.
    """

    network: int
    user: int | None

    @property
    def descriptors(self) -> list[int]:
        """What is to be sent to who enters it."""
        return [self.network] if self.user is None else [self.network, self.user]

    def close(self) -> None:
        """Close the descriptors. Safe to call twice."""
        for descriptor in self.descriptors if self.network >= 0 else ():
            os.close(descriptor)
        self.network, self.user = -1, None
