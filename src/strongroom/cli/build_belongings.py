"""What `strongroom build run` makes for one build and takes away again: a bucket, and a role and a project if need be.

Each run has its own, with names that nothing else has: two runs never see each other's source or permissions. What is
made is to be removed from before it is asked for: an answer that does not come says nothing about what is there.
"""

import contextlib
from collections.abc import Callable
from typing import IO, Any

from strongroom.base.arn import partition_of
from strongroom.cli.build_reports import remove_groups
from strongroom.cli.build_role import Home, policy_document, trust

SOURCE_KEY = "source.zip"
PROJECT_TAG = "strongroom:build-run"
"""Key of the bucket's tag that has the name of the run's project."""
_FIRST_REGION = "us-east-1"


def bucket_prefix(home: Home) -> str:
    """Return what the names of the buckets of an account's runs begin with, before the run's id."""
    return f"strongroom-build-{home.account_id}-"


class Belongings:
    """What one run made. `close` takes it away, and returns what it could not take away, for people."""

    def __init__(self, session: Any, home: Home, run_id: str, project: str) -> None:
        self._session = session
        self._home = home
        self._removals: list[tuple[str, Callable[[], None]]] = []
        self._project = project
        self.bucket = f"{bucket_prefix(home)}{run_id}"
        self.name = f"strongroom-build-{run_id}"
        """That of the role."""

    def claim(self) -> None:
        """Let `close` take away all that a run may have made, whoever made it."""
        self._claim_bucket()
        self._claim_role()
        self._claim_project(reports=True)

    def make_bucket(self) -> None:
        """Make the bucket."""
        elsewhere = {} if self._home.region == _FIRST_REGION else {"LocationConstraint": self._home.region}
        tags = [{"Key": PROJECT_TAG, "Value": self._project}]
        self._claim_bucket()
        self._session.client("s3").create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"Tags": tags, **elsewhere}
        )

    def _claim_bucket(self) -> None:
        s3 = self._session.client("s3")
        self._removals.append((f"the bucket {self.bucket}", lambda: _remove_bucket(s3, self.bucket)))

    def put_source(self, source: IO[bytes]) -> str:
        """Put the source into the bucket, and return where it is: `BUCKET/KEY`."""
        self._session.client("s3").upload_fileobj(source, self.bucket, SOURCE_KEY)
        return f"{self.bucket}/{SOURCE_KEY}"

    def open_bucket(self, role_arn: str) -> None:
        """Let a role read what is in the bucket, and write."""
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": role_arn},
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": f"arn:{partition_of(self._home.region)}:s3:::{self.bucket}/*",
        }
        self._session.client("s3").put_bucket_policy(Bucket=self.bucket, Policy=policy_document(statement))

    def make_role(self, project_arn: str, policies: dict[str, str]) -> str:
        """Make a role for one project, with policies by name, and return its ARN."""
        iam = self._session.client("iam")
        self._claim_role()
        made = iam.create_role(
            RoleName=self.name,
            AssumeRolePolicyDocument=policy_document(trust(project_arn)),
            Description="Of one run of strongroom build run",
        )
        for name, document in policies.items():
            iam.put_role_policy(RoleName=self.name, PolicyName=name, PolicyDocument=document)
        arn: str = made["Role"]["Arn"]
        return arn

    def _claim_role(self) -> None:
        iam = self._session.client("iam")
        self._removals.append((f"the role {self.name}", lambda: _remove_role(iam, self.name)))

    def make_project(self, settings: dict[str, Any], *, reports: bool) -> None:
        """Make the project, whose builds make reports or do not."""
        self._claim_project(reports=reports)
        self._session.client("codebuild").create_project(name=self._project, **settings)

    def _claim_project(self, *, reports: bool) -> None:
        codebuild, name = self._session.client("codebuild"), self._project
        if reports:
            self._removals.append((f"a report group {name}-...", lambda: remove_groups(codebuild, f"{name}-")))
        self._removals.append((f"the project {name}", lambda: codebuild.delete_project(name=name)))

    def close(self) -> list[str]:
        """Take everything away, the newest first; go on after what does not go, and pass over what is not there."""
        from botocore.exceptions import BotoCoreError, ClientError

        left = []
        is_answering = True
        while self._removals:
            what, remove = self._removals.pop()
            try:
                if is_answering:
                    remove()
                else:
                    left.append(f"{what} may be left as well")
            except (BotoCoreError, ClientError) as error:
                left.append(f"{what} may be left: {error}")
                is_answering = isinstance(error, ClientError)
        return left


def _remove_bucket(s3: Any, bucket: str) -> None:
    with contextlib.suppress(s3.exceptions.NoSuchBucket):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for each in page.get("Contents", ()):
                s3.delete_object(Bucket=bucket, Key=each["Key"])
        s3.delete_bucket(Bucket=bucket)


def _remove_role(iam: Any, name: str) -> None:
    with contextlib.suppress(iam.exceptions.NoSuchEntityException):
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)
