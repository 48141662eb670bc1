"""The entry point of the `strongroom` command."""

import sys

from strongroom.base.errors import OperatorError

EXIT_OPERATOR_ERROR = 2
EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit: 0 done, 2 with one line on standard error for what the operator must mend."""
    from cyclopts import CycloptsError

    from strongroom.cli.application import application

    try:
        application(exit_on_error=False, print_error=False, result_action="return_value")
    except (CycloptsError, OperatorError) as error:
        print("strongroom:", " ".join(str(error).split()), file=sys.stderr)
        sys.exit(EXIT_OPERATOR_ERROR)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
