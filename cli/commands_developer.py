"""`test`, `check`, `bench`, `soak`, `simulator`: for those who work on Sambung itself."""

from typing import Annotated

import typer

from cli.options import OutputOption
from cli.output import Output

ANY = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": ["--help"]}


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("test", context_settings=ANY)(run_tests_command)
    app.command()(check)
    app.command(context_settings=ANY | {"help_option_names": []})(bench)
    app.command(context_settings=ANY | {"help_option_names": []})(soak)
    app.command(context_settings=ANY | {"help_option_names": []})(simulator)


def run_tests_command(
    context: typer.Context,
    slow: Annotated[bool, typer.Option("--slow", help="Also the tests that take minutes.")] = False,
    whatsmeow: Annotated[
        bool, typer.Option("--whatsmeow", help="Also against whatsmeow, which is fetched for it (19 MB).")
    ] = False,
    autobahn: Annotated[
        bool, typer.Option("--autobahn", help="Only the Autobahn test suite (needs a Python 2.7).")
    ] = False,
    python27: Annotated[
        str | None, typer.Option("--python27", help="A Python 2.7; default SAMBUNG_PYTHON27, else PATH.")
    ] = None,
    output: Annotated[
        Output, typer.Option("--output", help="How to print the result; -o is the same, with these values.")
    ] = Output.TABLE,
) -> None:
    """Run the tests. Other arguments go to pytest."""
    from cli.output import say
    from cli.testing import counted, ensure_test_tools, run_tests

    ensure_test_tools(say)
    arguments, output = without_output(context.args, output)
    if autobahn:
        from cli.autobahn import run_autobahn

        raise typer.Exit(counted(lambda counts: run_autobahn(arguments, python27, say, counts), output))
    raise typer.Exit(counted(lambda counts: run_tests(arguments, slow, whatsmeow, counts), output))


def without_output(arguments: list[str], output: Output) -> tuple[list[str], Output]:
    """Take `-o table` and `-o json` out of pytest's arguments; its own -o takes NAME=VALUE, and -kfoo holds an o."""
    left, formats = list(arguments), [one.value for one in Output]
    for index in range(len(left) - 2, -1, -1):
        if left[index] == "-o" and left[index + 1] in formats:
            output = Output(left[index + 1])
            del left[index : index + 2]
    return left, output


def check(output: OutputOption = Output.TABLE) -> None:
    """Lint, format and types."""
    from cli.output import say
    from cli.testing import ensure_test_tools, run_checks

    ensure_test_tools(say)
    raise typer.Exit(run_checks(say, output))


def bench(context: typer.Context) -> None:
    """Run the benchmarks: prints a table, writes JSON."""
    from cli.testing import run_module

    raise typer.Exit(run_module("benchmarks", context.args))


def soak(context: typer.Context) -> None:
    """Random faults against a server of its own, every invariant watched."""
    from cli.testing import run_module

    raise typer.Exit(run_module("soak", context.args))


def simulator(context: typer.Context) -> None:
    """Run upstreams with fault knobs."""
    from cli.testing import run_module

    raise typer.Exit(run_module("simulator", context.args))
