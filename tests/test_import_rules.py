"""The house rules that can be read from the source: who may import whom, and how large things may be."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import thespian.actors as thespian

from core import messages

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("actors", "cli", "core", "simulator", "soak", "store", "web", "whatsapp")

# Beside itself and the standard library. A name stands for everything below it.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "core": frozenset(),
    "whatsapp": frozenset(
        {"core.protocol", "core.effects", "core.failures", "cryptography", "google.protobuf"}
    ),
    "store": frozenset({"core", "sqlalchemy", "msgpack", "pythonjsonlogger"}),
    "actors": frozenset(
        {"core", "whatsapp", "store", "thespian", "websocket", "urllib3", "psutil", "setproctitle"}
    ),
    "web": frozenset(
        {"core", "store", "cherrypy", "cheroot", "pydantic", "prometheus_client", "segno", "limits"}
    ),
    "simulator": frozenset({"whatsapp", "websockets"}),
    "soak": frozenset({"benchmarks", "cli", "core", "simulator", "store", "psutil"}),
    "cli": frozenset(
        {"actors", "core", "simulator", "store", "web", "whatsapp"}
        | {"typer", "rich", "pydantic", "pydantic_settings", "psutil", "setproctitle"}
    ),
}

# A plugin is loaded by the program that it extends, never by us.
PLUGINS = {"cli/pytest_carry.py": "pytest"}

# Libraries at home in one place only.
ONLY_IN = {"websocket": "actors/transport.py", "thespian": "actors/", "cherrypy": "web/"}

# Decisions take the clock, randomness and the world as arguments.
IMPURE = frozenset(
    {"asyncio", "datetime", "io", "logging", "multiprocessing", "os", "pathlib", "queue", "random", "secrets"}
    | {"select", "selectors", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile"}
    | {"threading", "time", "uuid"}
)

MAX_FILE_LINES = 250
MAX_FUNCTION_LINES = 50
SHAPELESS = ("utils", "helpers", "common", "manager")


def generated(path: Path) -> bool:
    return path.name.endswith("_pb2.py")


def files(*packages: str) -> list[Path]:
    return [path for name in packages for path in sorted((ROOT / name).rglob("*.py")) if not generated(path)]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


OURS = files(*PACKAGES)
TESTS = files("tests")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def module_path(name: str) -> Path | None:
    """The file of one of our modules, None for anything else."""
    base = ROOT.joinpath(*name.split("."))
    if name.split(".")[0] not in PACKAGES:
        return None
    if base.with_suffix(".py").is_file():
        return base.with_suffix(".py")
    return base / "__init__.py" if (base / "__init__.py").is_file() else None


def package_of(path: Path) -> list[str]:
    return list(path.relative_to(ROOT).parts[:-1])


def imported(path: Path) -> set[str]:
    """Every module that a file imports."""
    return imported_by(tree(path), package_of(path))


def imported_by(code: ast.AST, package: list[str]) -> set[str]:
    """Every module imported, also inside functions and by a literal `import_module`."""
    found: set[str] = set()
    for node in ast.walk(code):
        match node:
            case ast.Import(names=names):
                found.update(alias.name for alias in names)
            case ast.ImportFrom():
                found.update(imported_from(node, package))
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name)), *_]):
                found.add(name)
    return found


def imported_from(node: ast.ImportFrom, package: list[str]) -> Iterator[str]:
    """`from core import breaker` imports core.breaker, and so does `from core.breaker import Breaker`."""
    above = package[: len(package) - node.level + 1] if node.level else []
    base = ".".join([*above, *([node.module] if node.module else [])])
    for alias in node.names:
        inner = f"{base}.{alias.name}"
        yield inner if module_path(inner) else base


def within(name: str, allowed: frozenset[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in allowed)


def standard(name: str) -> bool:
    return name.split(".")[0] in sys.stdlib_module_names


def closure(start: Path) -> set[str]:
    """Every module that importing one of our files imports, directly or by way of our own modules."""
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        for name in imported(ahead.pop()):
            parts = name.split(".")
            # Importing a.b.c runs a and a.b first.
            for one in (".".join(parts[: n + 1]) for n in range(len(parts))):
                path = module_path(one)
                if one not in seen and path is not None:
                    ahead.append(path)
                seen.add(one)
    return seen


@pytest.mark.parametrize("path", OURS, ids=relative)
def test_a_module_imports_only_what_its_package_may(path: Path) -> None:
    package = package_of(path)[0]
    allowed = MAY_IMPORT[package] | {package, PLUGINS.get(relative(path), package)}
    foreign = {name for name in imported(path) if not standard(name) and not within(name, allowed)}
    assert not foreign, f"{relative(path)} imports {sorted(foreign)}; {package} may import {sorted(allowed)}"


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_is_imported_by_none_of_us(plugin: str) -> None:
    name = plugin.removesuffix(".py").replace("/", ".")
    assert [relative(path) for path in OURS if name in imported(path)] == []


@pytest.mark.parametrize(("library", "home"), ONLY_IN.items(), ids=ONLY_IN.keys())
def test_a_library_is_imported_only_at_its_home(library: str, home: str) -> None:
    users = [relative(path) for path in OURS if any(within(n, frozenset({library})) for n in imported(path))]
    assert [user for user in users if not user.startswith(home)] == []


@pytest.mark.parametrize("path", files("core"), ids=relative)
def test_core_imports_nothing_that_acts(path: Path) -> None:
    assert {name for name in imported(path) if name.split(".")[0] in IMPURE} == set()


def test_web_and_actors_do_not_know_each_other() -> None:
    assert "web" not in MAY_IMPORT["actors"]
    assert "actors" not in MAY_IMPORT["web"]


@pytest.mark.parametrize("start", ["store/session.py", "actors/instance.py"])
def test_an_instance_process_loads_no_sqlalchemy(start: str) -> None:
    assert "sqlalchemy" not in closure(ROOT / start)


HIDDEN = """
import a.b
from c import d
from core import gate
from . import health
from .breaker import Breaker
def later():
    import e
    importlib.import_module("g.h")
"""


def test_imports_are_found_wherever_they_hide() -> None:
    found = imported_by(ast.parse(HIDDEN), ["core"])
    assert found == {"a.b", "c", "core.gate", "core.health", "core.breaker", "e", "g.h"}


def test_what_one_module_imports_is_followed_to_the_end() -> None:
    found = closure(ROOT / "core" / "link.py")
    assert {"core", "core.link_moves", "core.backoff", "core.knobs", "dataclasses"} <= found


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", [*OURS, *TESTS, ROOT / "run.py"], ids=relative)
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", [*OURS, ROOT / "run.py"], ids=relative)
def test_functions_are_short(path: Path) -> None:
    assert {name: lines for name, lines in functions(path) if lines > MAX_FUNCTION_LINES} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [relative(path) for path in OURS if path.stem in SHAPELESS] == []


def classes(*paths: Path) -> list[str]:
    return [node.name for path in paths for node in tree(path).body if isinstance(node, ast.ClassDef)]


MESSAGE_FILES = [path for path in files("core") if path.stem.endswith("_messages")]


def test_a_message_is_told_by_its_class_name_alone() -> None:
    """Thespian dispatches by the bare class name: ours must differ from each other and from everyone else's."""
    names = classes(*MESSAGE_FILES)
    assert len(names) > 50
    assert sorted(names) == sorted(set(names))
    assert set(names) & set(vars(thespian)) == set()
    assert set(names) & set(classes(*files("actors"))) == set()


def test_every_handler_of_an_actor_is_for_a_message_that_exists() -> None:
    known = {*classes(*MESSAGE_FILES), *classes(*files("actors")), *vars(thespian)}
    handled = {
        node.name.removeprefix("receiveMsg_"): relative(path)
        for path in files("actors")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("receiveMsg_")
    }
    assert {name: where for name, where in handled.items() if name not in known} == {}


def test_every_message_can_be_imported_from_core_messages() -> None:
    assert set(messages.MODULES) == {f"core.{path.stem}" for path in MESSAGE_FILES}
    assert set(messages.__all__) == {*classes(*MESSAGE_FILES), "Address", "MODULES"}
