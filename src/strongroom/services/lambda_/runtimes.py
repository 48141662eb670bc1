"""Which runtimes functions may name. Source: AWS Lambda Developer Guide, "Lambda runtimes"; recorded answers."""

from strongroom.services.lambda_ import errors

SERVED = ("python3.11", "python3.12", "python3.13", "python3.14", "provided.al2023", "provided.al2")
"""Those that functions can be made with. Whether this machine can run one (has the Python) shows when it is invoked."""

AT_AWS = (
    *("nodejs20.x", "nodejs22.x", "nodejs24.x"),
    *("java8.al2", "java11", "java17", "java21", "java25"),
    *("python3.8", "python3.9", "python3.10"),
    *("dotnet6", "dotnet8", "dotnet10"),
    *("ruby3.2", "ruby3.3", "ruby3.4", "ruby4.0"),
    *("nodejs16.x", "nodejs18.x", "nodejs26.x", "python3.15"),
    *("java8.al2023", "java11.al2023", "java17.al2023", "custom"),
)
"""Those that AWS has besides, and Strongroom does not run."""

DEPRECATED = frozenset(
    {
        *("nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x"),
        "nodejs14.x",
        *("java8", "python2.7", "python3.6", "python3.7", "go1.x", "ruby2.5", "ruby2.7", "provided"),
        *("dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1"),
    }
)


def is_known(runtime: str) -> bool:
    """Whether AWS has, or had, a runtime of that name."""
    return runtime in SERVED or runtime in AT_AWS or runtime in DEPRECATED


def checked_runtime(runtime: str) -> str:
    """Return a runtime. Raises InvalidParameterValueException for one that is not served, and says why not."""
    if runtime in SERVED:
        return runtime
    if runtime in DEPRECATED:
        raise errors.invalid_parameter(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
    if runtime in AT_AWS:
        raise errors.invalid_parameter(
            f"Strongroom does not run the runtime {runtime}. It runs {', '.join(SERVED)}: a bootstrap for "
            "provided.al2023 can be written in any language."
        )
    raise errors.invalid_parameter(
        f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
        f"[{', '.join((*SERVED, *AT_AWS))}] or be a valid ARN"
    )
