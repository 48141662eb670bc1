"""What runs of `strongroom build run` left that were killed before they could take it away; the next run does.

The bucket is what a run makes first and removes last, so it shows all of them: by its name and by its tag, which no
other bucket has. Its age alone says that nobody needs it: no build is older that has not ended.

Source: AWS CodeBuild API Reference, CreateProject (`queuedTimeoutInMinutes`, `timeoutInMinutes`).
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from strongroom.cli.build_belongings import PROJECT_TAG, Belongings, bucket_prefix
from strongroom.cli.build_role import Home

NEEDED = timedelta(days=3)
"""A build waits for 8 hours and runs for 36 at most."""
_RUN_ID = re.compile("[0-9a-f]{12}")


def remove_leftovers(session: Any, home: Home, own_bucket: str) -> Iterator[str]:
    """Take away what older runs left in this account and Region, and yield what is to be said of it.

    How old they are is told by the bucket that this run has just made: the server's clock may be another than this
    machine's. What cannot be taken away is left for the next run, or for people.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    s3 = session.client("s3")
    prefix = bucket_prefix(home)
    try:
        found = s3.list_buckets(Prefix=prefix, BucketRegion=home.region)["Buckets"]
        made_at = {each["Name"]: each["CreationDate"] for each in found}
        now = made_at.pop(own_bucket)
        for bucket, at in sorted(made_at.items()):
            run_id = bucket.removeprefix(prefix)
            if now - at < NEEDED or not _RUN_ID.fullmatch(run_id):
                continue
            project = _project_of(s3, bucket)
            if project.endswith(f"-{run_id}"):
                yield f"taking away what the run {project} left"
                belongings = Belongings(session, home, run_id, project)
                belongings.claim()
                yield from belongings.close()
    except (BotoCoreError, ClientError) as error:
        yield f"what earlier runs left was not looked for: {error}"


def _project_of(s3: Any, bucket: str) -> str:
    """Return the name of the project of the run that made a bucket, empty when no run did."""
    from botocore.exceptions import ClientError

    try:
        tags = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchTagSet", "NoSuchBucket"):
            return ""
        raise
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == PROJECT_TAG), "")
