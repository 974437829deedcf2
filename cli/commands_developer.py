"""`test`, `check`, `bench`, `soak`, `simulator`: for those who work on Sambung itself."""

from typing import Annotated

import typer

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
) -> None:
    """Run the tests. Other arguments go to pytest."""
    from cli.output import say
    from cli.testing import ensure_test_tools, run_tests

    ensure_test_tools(say)
    if autobahn:
        from cli.autobahn import run_autobahn

        raise typer.Exit(run_autobahn(context.args, python27, say))
    raise typer.Exit(run_tests(context.args, slow, whatsmeow))


def check() -> None:
    """Lint, format and types."""
    from cli.output import say
    from cli.testing import ensure_test_tools, run_checks

    ensure_test_tools(say)
    raise typer.Exit(run_checks(say))


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
