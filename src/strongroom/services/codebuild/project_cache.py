"""The cache of a project, reset. What is in it, builds see to.

Source: AWS CodeBuild API Reference, InvalidateProjectCache.
"""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.codebuild import errors, tables
from strongroom.services.codebuild.access import Project, about_project
from strongroom.services.codebuild.cache_settings import cache_scope
from strongroom.services.codebuild.running.caches.local_caches import LocalCaches
from strongroom.services.codebuild.service import CODEBUILD
from strongroom.storage.connection import Connection


@operation(CODEBUILD, "InvalidateProjectCache", needs=about_project("codebuild:InvalidateProjectCache", "projectName"))
async def invalidate_project_cache(call: Call) -> Answer:
    """Have the next builds of a project begin without a cache."""
    project: Project = call.target
    scope = cache_scope(project.named, project.existing())

    def write(connection: Connection) -> Answer:
        if not tables.reset_cache(connection, project.named):
            raise errors.no_such_project(project.named.arn)
        return {}

    answer = await call.write(write)
    call.house.part(LocalCaches).forget(scope)
    return answer
