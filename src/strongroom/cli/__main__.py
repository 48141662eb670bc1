"""The entry point of the `strongroom` command."""

import sys

from strongroom.base.errors import OperatorError

EXIT_OPERATOR_ERROR = 2
EXIT_INTERRUPTED = 130
_EXTRAS = {"pkcs11": "hsm", "obstore": "object-stores"}
"""Which extra has a module; all others are in `server`."""


def main() -> None:
    """Run the command line and exit: 0 done, 2 with one line on standard error for what the operator must mend."""
    from cyclopts import CycloptsError

    from strongroom.cli.application import application

    try:
        application(exit_on_error=False, print_error=False, result_action="return_value")
    except (CycloptsError, OperatorError) as error:
        _refuse(" ".join(str(error).split()))
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module in ("", "strongroom"):
            raise
        extra = _EXTRAS.get(module, "server")
        _refuse(f"this needs {module}, which is not installed: pip install 'strongroom[{extra}]'")
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _refuse(words: str) -> None:
    print("strongroom:", words, file=sys.stderr)
    sys.exit(EXIT_OPERATOR_ERROR)


if __name__ == "__main__":
    main()
