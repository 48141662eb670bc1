"""CodeBuild's quotas, with AWS's names and codes, as far as the codes are told outside of the console.

Source: AWS CodeBuild User Guide, "Quotas for AWS CodeBuild".
"""

from strongroom.operations.quotas.quota import ResourceQuota, declare

PROJECTS = ResourceQuota("codebuild", "L-ACCF6C0D", "Build projects", 5_000)

REPORT_GROUPS = ResourceQuota("codebuild", "ReportGroups", "Report groups", 5_000)

_SIZES = {
    "BUILD_GENERAL1_SMALL": ("Small", "L-9D07B6EF"),
    "BUILD_GENERAL1_MEDIUM": ("Medium", "L-2DC20C30"),
    "BUILD_GENERAL1_LARGE": ("Large", "L-4DDC4A99"),
    "BUILD_GENERAL1_XLARGE": ("XLarge", "ConcurrentBuildsLinuxXLarge"),
    "BUILD_GENERAL1_2XLARGE": ("2XLarge", "ConcurrentBuildsLinux2XLarge"),
}

CONCURRENT = {
    kind: ResourceQuota("codebuild", code, f"Concurrently running builds for Linux/{size} environment", 60)
    for kind, (size, code) in _SIZES.items()
}
"""How many builds of an account run at the same time, by compute type."""

QUEUED_TIMES = 5
"""As many builds may wait as five times those that may run. Source: User Guide, "Build queue"."""

declare("AWS CodeBuild", [PROJECTS, REPORT_GROUPS, *CONCURRENT.values()])
