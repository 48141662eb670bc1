"""CodeBuild: builds in a sandbox, with secrets that never show. Importing this package registers its operations.

`projects` and `project_listing` are about projects, `builds` and `build_listing` about builds; `queue` says which build
begins when, and `running/` is what a build does.
"""

from strongroom.services.codebuild import build_listing, builds, project_listing, projects
from strongroom.services.codebuild.service import CODEBUILD

__all__ = ["CODEBUILD", "build_listing", "builds", "project_listing", "projects"]
