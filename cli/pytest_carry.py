"""A pytest plugin that lets two runs end in one summary.

One run writes its reports to a file (`--carry-out`); the other one counts them as its own (`--carry-in`): it waits
until nobody locks the file any more, its summary names every failure of both, and its exit code is that of both.
`--counts-out` writes that summary as JSON.
"""

import fcntl
import json
from pathlib import Path
from typing import Any

import pytest

COUNTED = ("passed", "failed", "error", "skipped", "xfailed", "xpassed", "deselected")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("carry", "one summary for two runs")
    group.addoption("--carry-out", metavar="FILE", help="write this run's reports to FILE")
    group.addoption("--carry-in", metavar="FILE", help="count the reports in FILE as this run's own")
    group.addoption("--counts-out", metavar="FILE", help="write what the summary counts to FILE, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # a worker of xdist: its reports come to the main process
        return
    if out := config.getoption("carry_out"):
        config.pluginmanager.register(Writer(config, Path(out)))
    if source := config.getoption("carry_in"):
        config.pluginmanager.register(Reader(config, Path(source)))
    if counts := config.getoption("counts_out"):
        config.pluginmanager.register(Counter(config, Path(counts)))


class Writer:
    """Keeps every report that the summary will count."""

    def __init__(self, config: pytest.Config, path: Path) -> None:
        self._config = config
        self._file = path.open("w", encoding="utf-8")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._write(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            self._write(report)

    def _write(self, report: Any) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        data.pop("node", None)  # the worker it came from is no more when the report is read
        self._file.write(json.dumps(data, default=str) + "\n")

    def pytest_unconfigure(self) -> None:
        self._file.close()


class Reader:
    """Adds the other run's reports to the terminal's counts just before the summary."""

    def __init__(self, config: pytest.Config, path: Path) -> None:
        self._config, self._path = config, path
        self._reports: list[Any] = []

    def _read(self) -> None:
        with self._path.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            self._reports = [self._loaded(json.loads(line)) for line in file]

    def _loaded(self, data: Any) -> Any:
        report = self._config.hook.pytest_report_from_serializable(config=self._config, data=data)
        if isinstance(report.longrepr, list):  # where a test was skipped: JSON has no tuples
            report.longrepr = tuple(report.longrepr)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.write_line("\nwaiting for the tests that run behind these")
        self._read()
        if terminal is not None:
            self._count(terminal.stats)
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) and self._reports:
            failed = any(report.failed for report in self._reports)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED if failed else pytest.ExitCode.OK

    def _count(self, stats: dict[str, list[Any]]) -> None:
        ran = {report.nodeid for report in self._reports}
        if left_out := [item for item in stats.pop("deselected", []) if item.nodeid not in ran]:
            stats["deselected"] = left_out
        for report in self._reports:
            if category := self._category(report):
                stats.setdefault(category, []).append(report)

    def _category(self, report: Any) -> str:
        if isinstance(report, pytest.CollectReport):
            return "error" if report.failed else "skipped"
        found = self._config.hook.pytest_report_teststatus(report=report, config=self._config)
        return str(found[0]) if found else ""


class Counter:
    """Writes how many tests ended how, and which failed, once the other run's are counted as well."""

    def __init__(self, config: pytest.Config, path: Path) -> None:
        self._config, self._path = config, path

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        stats = {} if terminal is None else terminal.stats
        found: dict[str, Any] = {name: len(stats.get(name, ())) for name in COUNTED}
        found["failures"] = [report.nodeid for name in ("failed", "error") for report in stats.get(name, ())]
        self._path.write_text(json.dumps(found), "utf-8")
