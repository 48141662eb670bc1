"""CodeBuild: builds in a sandbox, with secrets that never show. Importing this package registers its operations.

`projects`, `project_listing` and `project_cache` are about projects, `builds` and `build_listing` about builds; `queue`
says which build begins when, `build_expiry` when it is forgotten, and `running/` is what a build does. `reports/` keeps
what tests said, `source_credentials/` what sources are fetched with.
"""

from strongroom.services.codebuild import (
    build_expiry,
    build_listing,
    builds,
    project_cache,
    project_listing,
    projects,
    reports,
    source_credentials,
)
from strongroom.services.codebuild.service import CODEBUILD

__all__ = [
    "CODEBUILD",
    "build_expiry",
    "build_listing",
    "builds",
    "project_cache",
    "project_listing",
    "projects",
    "reports",
    "source_credentials",
]
