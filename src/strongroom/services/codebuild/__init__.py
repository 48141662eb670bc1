"""CodeBuild: builds in a sandbox, with secrets that never show."""
