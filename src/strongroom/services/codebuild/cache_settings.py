"""The cache of a project's settings, and under which name its caches are kept.

Source: AWS CodeBuild API Reference, ProjectCache; User Guide, "Cache builds to improve performance".
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from strongroom.services.codebuild import errors
from strongroom.services.codebuild.names import ProjectName

NO_CACHE, S3, LOCAL = "NO_CACHE", "S3", "LOCAL"
SOURCE_MODE, CUSTOM_MODE = "LOCAL_SOURCE_CACHE", "LOCAL_CUSTOM_CACHE"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def read_cache(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cache of a project's settings. Raises InvalidInputException for what cannot be."""
    cache = {name: value for name, value in sent.items() if value not in ("", [], None)}
    if cache["type"] == NO_CACHE:
        return {"type": NO_CACHE}
    if cache["type"] == S3:
        if not _BUCKET.fullmatch(cache.get("location", "").partition("/")[0]):
            raise errors.invalid_input("Invalid cache: location must be a valid S3 bucket, followed by a prefix or not")
        return {name: cache[name] for name in ("type", "location", "cacheNamespace") if name in cache}
    if not cache.get("modes"):
        raise errors.invalid_input("Invalid cache: modes is required for the type LOCAL")
    for mode in cache["modes"]:
        if mode not in (SOURCE_MODE, CUSTOM_MODE):
            raise errors.not_served(f"cache.modes {mode}", "there is no Docker.")
    return {"type": LOCAL, "modes": cache["modes"]}


def cache_scope(project: ProjectName, row: Any) -> str:
    """Return what the caches of a project are kept under: never another's, nor its own from before it was reset.

    A project that takes the name of one that was deleted is another one.
    """
    told = f"{project.arn}\0{row.created_at!r}\0{row.cache_resets}"
    return hashlib.sha256(told.encode()).hexdigest()
