"""Terraform with AWS's provider, unmodified.

TERRAFORM_PLUGIN_DIR names a directory with the provider, for a machine that cannot reach Terraform's registry.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.running_server import RunningServer

INIT_SECONDS_MAX = 60
RUN_SECONDS_MAX = 180

PROVIDER = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  skip_metadata_api_check = true
  default_tags {
    tags = { made_by = "terraform" }
  }
}
variable "stage" { default = "first" }
"""


class Terraform:
    """`terraform` in a directory with a configuration, connected to a server as the root user.

    Skips the test where Terraform, or the provider for it, is not at hand.
    """

    def __init__(self, server: RunningServer, directory: Path, configuration: str) -> None:
        if shutil.which("terraform") is None:
            pytest.skip("Terraform is not installed")
        self._directory = directory
        # A configuration of somebody's own could send it elsewhere.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
        ours = {name: value for name, value in server.environment().items() if name.startswith("AWS_")}
        self._environment = kept | ours | {"HOME": str(directory), "CHECKPOINT_DISABLE": "1"}
        (directory / "main.tf").write_text(PROVIDER + configuration)
        self._init()

    def run(self, *arguments: str, seconds_max: int = RUN_SECONDS_MAX) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", *arguments, "-no-color", "-input=false"],
            cwd=self._directory,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=seconds_max,
        )

    def _init(self) -> None:
        plugins = os.environ.get("TERRAFORM_PLUGIN_DIR")
        try:
            done = self.run("init", *((f"-plugin-dir={plugins}",) if plugins else ()), seconds_max=INIT_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            pytest.skip("terraform took more than a minute to install the AWS provider")
        if done.returncode != 0:
            pytest.skip(f"terraform can't install the AWS provider: {done.stderr.strip().splitlines()[:1]}")

    def apply(self, stage: str) -> None:
        """Apply the configuration, and see that a plan of the same finds nothing left to change."""
        stages = ("-var", f"stage={stage}")
        done = self.run("apply", "-auto-approve", *stages)
        assert done.returncode == 0, done.stderr
        plan = self.run("plan", "-detailed-exitcode", *stages)
        assert plan.returncode == 0, plan.stdout + plan.stderr

    def destroy(self) -> None:
        """Take away everything that the configuration made."""
        done = self.run("destroy", "-auto-approve")
        assert done.returncode == 0, done.stderr
