"""Report groups and reports: what the tests of builds said, kept for 30 days.

`report_groups`, `listings`, `reports`, `details` and `trends` are what clients ask for, `writing` what builds do, as
their service role; `formats/` reads the files of test frameworks. Importing this package registers its operations.
"""

from strongroom.services.codebuild.reports import (
    details,
    expiry,
    listings,
    report_groups,
    reports,
    trends,
    writing,
)

__all__ = ["details", "expiry", "listings", "report_groups", "reports", "trends", "writing"]
