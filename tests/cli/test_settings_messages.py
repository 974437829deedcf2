"""Wrong settings: every problem at once, each with its place, its value, what is allowed and what was meant."""

from pathlib import Path

import pytest

from cli.settings import load_settings
from cli.settings_origin import line_of
from tests.cli.settings_help import lines, write


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
            "sambung.toml:2: http.prot: unknown knob (got 1; did you mean port? allowed: host, ",
        ),
        ("[breakr]\n", {}, "sambung.toml:1: breakr: unknown section (did you mean breaker? allowed: http, "),
        ("http.prot = 1", {}, "sambung.toml:1: http.prot: unknown knob (got 1; did you mean port?"),
        ("[http]\nx = 'a b'", {}, "sambung.toml:2: http.x: unknown knob (got 'a b'; allowed: host, "),
        ("[http.x]\ny = 1", {}, "sambung.toml:2: http.x: unknown knob (got {'y': 1}; allowed: host, "),
        ("port = 1", {}, "sambung.toml:1: port: must stand in its section: [http] or [actors] (got 1)"),
        ("htpp = 1", {}, "sambung.toml:1: htpp: unknown section (got 1; did you mean http? allowed: "),
        ("http = 5", {}, "sambung.toml:1: http: must be a section: [http] (got 5)"),
        ("[[http]]\nport = 1", {}, "sambung.toml:1: http: must be a section: [http] (got "),
        (
            "",
            {"SAMBUNG_HTTP__PROT": "1"},
            "environment: SAMBUNG_HTTP__PROT: http.prot: unknown knob (got '1'; did you mean",
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
