"""Compute types: how much of the machine a build may use.

Source: AWS CodeBuild User Guide, "Build environment compute modes and types".
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

from strongroom.runners.limits import MEBIBYTE, Limits

_GIBIBYTE = 1024 * MEBIBYTE


class Compute(NamedTuple):
    """What a compute type is on AWS."""

    memory_gib: int
    cpus: int


COMPUTE: Mapping[str, Compute] = {
    "BUILD_GENERAL1_SMALL": Compute(4, 2),
    "BUILD_GENERAL1_MEDIUM": Compute(8, 4),
    "BUILD_GENERAL1_LARGE": Compute(16, 8),
    "BUILD_GENERAL1_XLARGE": Compute(72, 36),
    "BUILD_GENERAL1_2XLARGE": Compute(144, 72),
}


def limits_of(compute_type: str) -> Limits:
    """Return the limits of a build's sandbox: as on AWS, as far as this machine has so many processors."""
    compute = COMPUTE[compute_type]
    return Limits(
        memory_bytes=compute.memory_gib * _GIBIBYTE,
        cpus=float(min(compute.cpus, os.cpu_count() or 1)),
        processes_max=4_096,
        open_files_max=4_096,
        temporary_bytes=_GIBIBYTE,
    )
