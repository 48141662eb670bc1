"""Where a build specification is: in the text itself, in an object of S3, or in a file of the source.

Source: AWS CodeBuild User Guide, "Build specification reference", "Buildspec file name and storage location".
"""

DEFAULT_FILE = "buildspec.yml"


def is_inline(text: str) -> bool:
    """Return whether a `buildspec` is the specification itself: YAML, or JSON on one line."""
    return "\n" in text or text.lstrip().startswith("{") or text.lstrip().startswith("version:")


def is_object(text: str) -> bool:
    """Return whether a `buildspec` is the ARN of an object in S3."""
    return not is_inline(text) and text.startswith("arn:") and ":s3:" in text
