"""Listeners asked for on the command line: what is understood, what is refused, and that they are there."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from simulator.asked import faults_help, parse_listener
from simulator.checking import SpecError
from simulator.faults import KINDS, Fault, Flapping, Healthy, Http, LoginReject, Refuse

DEADLINE_S = 20.0
HERE = Path(__file__).resolve().parents[2]


def start(*options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "simulator", *options]
    return subprocess.Popen(
        command,
        cwd=HERE,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize(
    ("text", "port", "fault"),
    [
        ("none", 0, Healthy()),
        ("none,port=9001", 9001, Healthy()),
        ("refuse,counted=true,drop_open=false", 0, Refuse(counted=True)),
        ("flapping,on_s=8,off_s=0.5", 0, Flapping(on_s=8.0, off_s=0.5)),
        ("http,status=429,body=slow, please,retry_after_s=5", 0, Http(429, 5.0, body="slow, please")),
        ('http,headers={"A":"b","C":"d"}', 0, Http(headers={"A": "b", "C": "d"})),
        ('login_reject,message={"no":1},reason="42"', 0, LoginReject({"no": 1}, reason="42")),
    ],
)
def test_a_listener_is_a_fault_with_its_knobs(text: str, port: int, fault: Fault) -> None:
    spec = parse_listener(text).spec
    assert (spec.port, spec.fault) == (port, fault)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", f"found ''; allowed: {', '.join(KINDS)}"),
        ("bogus", f"found 'bogus'; allowed: {', '.join(KINDS)}"),
        ("flapping,on=8", "unknown parameter 'on'; allowed: on_s, off_s, counted; any listener: port"),
        ("none,x=1", "unknown parameter 'x'; allowed: none; any listener: port"),
        ("http,status=9", "fault http.status: found 9; allowed: a whole number from 200 to 599"),
        ("refuse,counted=yes", "fault refuse.counted: found 'yes'; allowed: true or false"),
        ("malformed,variant=x", "fault malformed.variant: found 'x'; allowed: rsv1"),
        ("http,503", "'503' is no knob (allowed: FAULT[,KNOB=VALUE…])"),
        ("http,status=500,status=503", "status came twice"),
        ("http,kind=none", "kind came twice"),
        ("none,port=70000", "port: allowed: a whole number from 0 to 65535 (0: any free one)"),
        ("none,port=x", "port: allowed: a whole number from 0 to 65535 (0: any free one)"),
    ],
)
def test_what_cannot_be_is_named_with_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(SpecError) as refused:
        parse_listener(text)
    assert str(refused.value).startswith(f"{text!r}: ")
    assert said in str(refused.value)


def test_the_help_names_every_fault_and_knob() -> None:
    words = faults_help().replace("=", " ").split()
    assert set(KINDS) <= set(words)
    knobs = {knob for kind in KINDS.values() for knob in kind.__dataclass_fields__}
    assert knobs - {"kind"} <= set(words)


def test_wrong_use_names_run_py_and_exits_2() -> None:
    with start("--listener", "none", "--listener", "bogus") as process:
        out, err = process.communicate(timeout=DEADLINE_S)
    assert (out, process.returncode) == ("", 2)
    assert err.startswith("usage: run.py simulator ")
    assert "run.py simulator: error: --listener 'bogus': fault.kind: found 'bogus'; allowed: none, " in err


def test_the_listeners_are_there_when_the_line_is_printed() -> None:
    with start("--listener", "none", "--listener", "http,status=503") as process:
        assert process.stdout is not None
        told: dict[str, Any] = json.loads(process.stdout.readline())
        healthy, refusing = told["listeners"]
        assert (healthy["fault"], refusing["fault"]["status"]) == ({"kind": "none"}, 503)
        with connect(f"{healthy['url']}/ws/a", open_timeout=DEADLINE_S):
            pass
        with pytest.raises(InvalidStatus, match="503"):
            connect(f"{refusing['url']}/ws/a", open_timeout=DEADLINE_S)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=DEADLINE_S) == ("", "")
        assert process.returncode == 0


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        asked = f"none,port={taken.getsockname()[1]}"
        with start("--listener", asked) as process:
            out, err = process.communicate(timeout=DEADLINE_S)
    assert (out, process.returncode) == ("", 1)
    assert err.startswith(f"simulator: --listener '{asked}': cannot listen on 127.0.0.1:")
