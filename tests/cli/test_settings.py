"""Settings: every knob through file, environment and command line; every kind of wrong value."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cli.settings import WrongSettings, load_settings
from cli.settings_file import toml_value
from cli.settings_origin import line_of, variable
from core.config import SECTIONS, Settings, allowed_text

KNOBS = [(section, spec) for section, kind in SECTIONS.items() for spec in fields(kind)]

# Knobs whose values are checked against the machine or another knob: a value that passes, in place of any.
SPECIAL: dict[str, Any] = {
    "http.host": "127.0.0.1",
    "http.cors_origins": ("https://a.example", "http://b.example:8080"),
    "http.trusted_proxies": ("10.0.0.0/8", "::1"),
    "actors.bind": "127.0.0.2",
    "log.timezone": "Asia/Jakarta",
    "gate.probe_min_s": 9.0,
    "gate.probe_max_s": 3.0,
    "supervision.delay_min_s": 4.0,
    "supervision.delay_max_s": 0.5,
}
# Only together, and only with a certificate: a test of their own.
ALONE = [(s, k) for s, k in KNOBS if not k.name.startswith("tls_")]
ALONE_IDS = [f"{section}.{spec.name}" for section, spec in ALONE]


def other_value(section: str, spec: Any) -> Any:
    """An allowed value of a knob that is not its default."""
    name, default = f"{section}.{spec.name}", getattr(getattr(Settings(), section), spec.name)
    if name in SPECIAL:
        return SPECIAL[name]
    if spec.type is bool:
        return not default
    if spec.metadata["choices"]:
        return next(choice for choice in spec.metadata["choices"] if choice != default)
    low, high = spec.metadata["ge"], spec.metadata["le"]
    middle = (low + high) / 2
    return int(middle) if spec.type is int else float(middle)


def wrong_values(spec: Any) -> Iterator[str]:
    """TOML texts that this knob must refuse."""
    if spec.type is bool:
        yield from ('"yes"', "1")
    elif spec.type is str:
        yield from ("5", '["a"]')
        if spec.metadata["choices"]:
            yield '"LOUD"'
    elif spec.type == tuple[str, ...]:
        yield from ('"a"', "[1]", "true")
    else:
        yield from ('"thirty"', "true", "[1]", "{ a = 1 }", "nan", "inf")
        yield from (str(spec.metadata["ge"] - 1), str(spec.metadata["le"] + 1))
        if spec.type is int:
            yield "1.5"


def as_text(value: Any) -> str:
    """A value as an environment variable holds it."""
    return (
        ",".join(value)
        if isinstance(value, tuple)
        else str(value).lower()
        if value in (True, False)
        else str(value)
    )


def write(folder: Path, text: str) -> Path:
    path = folder / "sambung.toml"
    path.write_text(text, "utf-8")
    return path


def lines(file: Path | None = None, environ: dict[str, str] | None = None, **options: Any) -> list[str]:
    """What is wrong, as lines without the folder."""
    with pytest.raises(WrongSettings) as caught:
        load_settings(file, {"http": options}, environ or {})
    return [line.replace(f"{file.parent}/", "") if file else line for line in caught.value.lines]


def test_without_file_and_environment_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, ""), {}, {}) == Settings()


def test_the_committed_file_changes_nothing() -> None:
    assert load_settings(None, {}, {}) == Settings()


@pytest.mark.parametrize(("section", "spec"), ALONE, ids=ALONE_IDS)
def test_a_knob_is_taken_from_the_file(tmp_path: Path, section: str, spec: Any) -> None:
    value = other_value(section, spec)
    file = write(tmp_path, f"[{section}]\n{spec.name} = {toml_value(value)}\n")
    found = getattr(getattr(load_settings(file, {}, {}), section), spec.name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("section", "spec"), ALONE, ids=ALONE_IDS)
def test_a_knob_is_taken_from_the_environment_before_the_file(
    tmp_path: Path, section: str, spec: Any
) -> None:
    value = other_value(section, spec)
    default = getattr(getattr(Settings(), section), spec.name)
    file = write(tmp_path, f"[{section}]\n{spec.name} = {toml_value(default)}\n")
    loaded = load_settings(file, {}, {variable(section, spec.name): as_text(value)})
    assert getattr(getattr(loaded, section), spec.name) == value


WRONG = [(section, spec, text) for section, spec in KNOBS for text in wrong_values(spec)]


@pytest.mark.parametrize(("section", "spec", "text"), WRONG, ids=[f"{s}.{k.name}={t}" for s, k, t in WRONG])
def test_a_wrong_value_names_file_line_key_value_and_what_is_allowed(
    tmp_path: Path, section: str, spec: Any, text: str
) -> None:
    [line] = lines(write(tmp_path, f"# comment\n[{section}]\n{spec.name} = {text}\n"))
    start = f"sambung.toml:3: {section}.{spec.name}: must be {allowed_text(section, spec.name)} (got "
    assert line.startswith(start)


NUMBERS = [(section, spec) for section, spec in KNOBS if spec.type in (int, float)]


@pytest.mark.parametrize(("section", "spec"), NUMBERS, ids=[f"{s}.{k.name}" for s, k in NUMBERS])
@pytest.mark.parametrize("text", ["thirty", "", "nan", "1e999", "0x10"])
def test_a_wrong_variable_is_named_with_what_is_allowed(
    tmp_path: Path, section: str, spec: Any, text: str
) -> None:
    name = variable(section, spec.name)
    [line] = lines(write(tmp_path, ""), {name: text})
    assert line.startswith(
        f"environment: {name}: {section}.{spec.name}: must be {allowed_text(section, spec.name)}"
    )


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    file = write(
        tmp_path, '[http]\nthreads = "thirty"\nprot = 5\n\n[htpp]\na = 1\n\n[gate]\nprobe_min_s = 20\n'
    )
    environ = {"SAMBUNG_LOG__KEEP": "many", "SAMBUNG_HTTP_PORT": "1", "SAMBUNG_RETRI__STEP_S": "1"}
    found = lines(file, environ, port=70_000)
    assert [line.split(" (")[0] for line in found] == [
        "environment: SAMBUNG_HTTP_PORT: not a setting",
        "environment: SAMBUNG_RETRI__STEP_S: unknown section retri",
        "--port: http.port: must be an integer from 0 to 65535",
        "sambung.toml:2: http.threads: must be an integer from 3 to 200",
        "sambung.toml:3: http.prot: unknown knob",
        "environment: SAMBUNG_LOG__KEEP: log.keep: must be an integer from 1 to 1000",
        "sambung.toml:5: htpp: unknown section",
        "sambung.toml:9: gate.probe_min_s: must be at most gate.probe_max_s = 10",
    ]


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        (
            "[http]\nprot = 1",
            {},
            "sambung.toml:2: http.prot: unknown knob (did you mean port? allowed: host, ",
        ),
        ("[breakr]\n", {}, "sambung.toml:1: breakr: unknown section (did you mean breaker? allowed: http, "),
        ("http.prot = 1", {}, "sambung.toml:1: http.prot: unknown knob (did you mean port?"),
        ("port = 1", {}, "sambung.toml:1: port: must stand in its section: [http] or [actors]"),
        ("http = 5", {}, "sambung.toml:1: http: must be a section: [http] (got 5)"),
        ("[[http]]\nport = 1", {}, "sambung.toml:1: http: must be a section: [http] (got "),
        (
            "",
            {"SAMBUNG_HTTP__PROT": "1"},
            "environment: SAMBUNG_HTTP__PROT: http.prot: unknown knob (did you mean",
        ),
        (
            "",
            {"SAMBUNG_HTPP__PORT": "1"},
            "environment: SAMBUNG_HTPP__PORT: unknown section htpp (did you mean http?",
        ),
        (
            "",
            {"SAMBUNG_HTTP_PORT": "1"},
            "environment: SAMBUNG_HTTP_PORT: not a setting (did you mean SAMBUNG_HTTP__PO",
        ),
        (
            "",
            {"SAMBUNG_HTTP": "{}"},
            "environment: SAMBUNG_HTTP: not a setting (did you mean SAMBUNG_HTTP__KEY?)",
        ),
        (
            "",
            {"SAMBUNG_HTTP__PORT__X": "1"},
            "environment: SAMBUNG_HTTP__PORT__X: http.port__x: unknown knob",
        ),
        (
            "[http\n",
            {},
            "sambung.toml: not TOML: Expected ']' at the end of a table declaration (at line 1, column 6)",
        ),
        (
            "[log]\ntimezone = 'Mars/X'",
            {},
            "sambung.toml:2: log.timezone: must be 'local' or a time zone such as",
        ),
        ("[http]\nhost = ''", {}, "sambung.toml:2: http.host: must be a host name or an IP address (got '')"),
        (
            "[http]\nhost = 'a b'",
            {},
            "sambung.toml:2: http.host: must be a host name or an IP address (got 'a b')",
        ),
        ("[actors]\nbind = 'here'", {}, "sambung.toml:2: actors.bind: must be an IP"),
        (
            "[http]\ntrusted_proxies = ['x']",
            {},
            "sambung.toml:2: http.trusted_proxies: must be IP addresses or net",
        ),
        (
            "[http]\ncors_origins = ['a.example']",
            {},
            "sambung.toml:2: http.cors_origins: must be origins such as",
        ),
        (
            "[http]\ncors_origins = ['http://a/b']",
            {},
            "sambung.toml:2: http.cors_origins: must be origins such as",
        ),
        (
            "[http]\ntls_key_file = '/nowhere'",
            {},
            "sambung.toml:1: http.tls_cert_file: must name a readable PEM file",
        ),
        (
            "[supervision]\ndelay_min_s = 9",
            {},
            "sambung.toml:2: supervision.delay_min_s: must be at most supervision",
        ),
    ],
)
def test_messages(tmp_path: Path, text: str, environ: dict[str, str], expected: str) -> None:
    assert lines(write(tmp_path, text), environ)[0].startswith(expected)


@pytest.mark.parametrize(
    "name",
    [
        "SAMBUNG_PORT",
        "SAMBUNG_PORT_8000_TCP",
        "SAMBUNG_SERVICE_HOST",
        "SAMBUNG_ADMIN_TOKEN",
        "SAMBUNG_WIRE_KEY",
    ],
)
def test_variables_that_name_no_section_are_left_alone(tmp_path: Path, name: str) -> None:
    assert load_settings(write(tmp_path, ""), {}, {name: "x"}) == Settings()


def test_a_wrong_value_that_is_overridden_does_not_count(tmp_path: Path) -> None:
    file = write(tmp_path, "[http]\nport = 'x'\n")
    assert load_settings(file, {"http": {"port": 1}}, {}).http.port == 1


def test_options_win_over_environment_over_file(tmp_path: Path) -> None:
    file, environ = (
        write(tmp_path, "[http]\nport = 1\nhost = 'a.example'\nthreads = 5\n"),
        {
            "SAMBUNG_HTTP__PORT": "2",
            "SAMBUNG_HTTP__HOST": "b.example",
        },
    )
    http = load_settings(file, {"http": {"port": 3}}, environ).http
    assert (http.port, http.host, http.threads) == (3, "b.example", 5)


@pytest.mark.parametrize("text", ["true", "TRUE", "1", "yes", "on"])
def test_true_has_several_spellings_in_the_environment(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, "[auth]\nquery_token = false\n")
    assert load_settings(file, {}, {"SAMBUNG_AUTH__QUERY_TOKEN": text}).auth.query_token is True


def test_an_empty_list_in_the_environment_empties_the_list(tmp_path: Path) -> None:
    file = write(tmp_path, "[http]\ncors_origins = ['http://a']\n")
    assert load_settings(file, {}, {"SAMBUNG_HTTP__CORS_ORIGINS": ""}).http.cors_origins == ()


def test_whole_numbers_are_fine_for_seconds_and_become_floats(tmp_path: Path) -> None:
    delay = load_settings(write(tmp_path, "[retry]\ndelay_s = 2\n"), {}, {}).retry.delay_s
    assert (delay, type(delay)) == (2.0, float)


def test_a_named_file_must_be_there_and_be_text(tmp_path: Path) -> None:
    assert lines(tmp_path / "none.toml") == ["none.toml: cannot be read: No such file or directory"]
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    assert lines(tmp_path / "latin.toml") == ["latin.toml: cannot be read: not UTF-8 text"]


def test_certificate_and_key_must_belong_together(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    names = {}
    for name in ("one", "two"):
        issued = trustme.CA().issue_cert("localhost")
        issued.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
        issued.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        names[name] = (str(tmp_path / f"{name}.pem"), str(tmp_path / f"{name}.key"))
    file = write(tmp_path, "")
    both = {"SAMBUNG_HTTP__TLS_CERT_FILE": names["one"][0], "SAMBUNG_HTTP__TLS_KEY_FILE": names["one"][1]}
    assert load_settings(file, {}, both).http.tls_key_file == names["one"][1]
    [line] = lines(file, both | {"SAMBUNG_HTTP__TLS_KEY_FILE": names["two"][1]})
    assert "http.tls_cert_file: must be a certificate that matches http.tls_key_file" in line


@pytest.mark.parametrize(
    ("text", "section", "key", "number"),
    [
        ("[a]\nb = 1\n[c]\nb = 2\n", "c", "b", 4),
        ("[a]\n# b = 1\nb=2\n", "a", "b", 3),
        ("a.b = 1\n", "a", "b", 1),
        ('[ "a" ]\n  "b" = 1\n', "a", "b", 2),
        ("a = { b = 1 }\n", "a", "b", 1),
        ("[a]\nx = 1\n", "a", "b", 1),
        ("[a]\n", "a", None, 1),
        ("[b]\n", "a", "b", None),
    ],
)
def test_the_line_of_a_key(text: str, section: str, key: str | None, number: int | None) -> None:
    assert line_of(text, section, key) == number
