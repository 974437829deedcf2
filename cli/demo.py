"""`demo`: a simulator, a server with shortened times, and five instances whose fates are told as they happen."""

import os
import secrets
import signal
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.client import ApiError, Client
from cli.demo_cast import CAST, KILLED, REFUSED, SHORT_TIMES, SHORTENED
from cli.demo_screen import Screen, screen
from cli.demo_server import running_server
from cli.demo_story import Story, Upstream
from cli.demo_words import in_words
from cli.failure import CommandFailed
from cli.folder import Place
from cli.output import line
from cli.request import Request
from simulator.client import Listener, Simulator, SimulatorError

POLL_S = 0.25


def run(request: Request, token: str | None, seconds: int | None) -> int:
    """The whole demo; 1 when it had to end after `seconds` without having seen everything."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it: in order
    token = token or "sbg_demo_" + secrets.token_urlsafe(24)
    with ExitStack() as stack:
        try:
            folder = request.data or Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="sambung-demo-"))
            )
            place = Place.choose(folder)
            simulator = stack.enter_context(Simulator.spawn())
            upstreams = {part.instance_id: simulator.listener(part.fault, **part.parameters) for part in CAST}
            line(f"Starting a server in {place.data.root} …")
            asked = with_short_times(request, place)
            client = stack.enter_context(running_server(asked, place, token))
            return Demo(client, upstreams, screen_after(client.url, token, request)).play(seconds)
        except SimulatorError as error:
            raise CommandFailed(f"the simulator: {error}") from None
        except KeyboardInterrupt:
            line("Stopping …")
            return 0


def with_short_times(request: Request, place: Place) -> Request:
    """The request with the demo's settings file, unless the operator named one."""
    if request.config is not None:
        return Request(place.data.root, request.config, request.host, request.port)
    place.data.create()
    path = place.data.root / "demo.toml"
    path.write_text(SHORT_TIMES)
    return Request(place.data.root, path, request.host, request.port)


def screen_after(url: str, token: str, request: Request) -> Screen:
    """Say what can be seen and tried, then show it."""
    line(f"The server is ready: {url}   admin token: {token}")
    if request.config is None:
        line(f"Times are shortened for this demo: {SHORTENED}.")
    for part in CAST:
        line(f"  {part.instance_id:<10} {part.does}")
    line("Try in another terminal:")
    line(f"  curl -s {url}/health")
    line(f"  curl -s {url}/circuit-breaker-status/{REFUSED.instance_id}")
    line(f"  curl -s -X POST '{url}/force-retry/{REFUSED.instance_id}?access_token={token}'")
    line(f"  curl -s -X POST '{url}/reset-circuit-breaker/{REFUSED.instance_id}?access_token={token}'")
    line(
        f"  curl -s -H 'Authorization: Bearer {token}' {url}/api/v1/instances/{REFUSED.instance_id}/timeline"
    )
    line("Ctrl-C stops everything.")
    return screen()


@dataclass(slots=True)
class Demo:
    """The running demo: looks at the API, tells what is new, acts when it is time."""

    client: Client
    upstreams: dict[str, Listener]
    screen: Screen
    story: Story = field(default_factory=Story)
    started_s: float = field(default_factory=time.monotonic)
    _told: set[tuple[str, str, str]] = field(default_factory=set)
    _probe_failed: bool = False

    def play(self, seconds: int | None) -> int:
        """Until Ctrl-C (0) or for `seconds`; then 0 only if every phase was seen."""
        try:
            self._create()
            while seconds is None or self._now_s() < seconds:
                try:
                    self._look()
                    self._act()
                except CommandFailed as failure:  # as any client would: the next look may succeed
                    self.screen.tell(self._now_s(), "server", failure.message)
                time.sleep(POLL_S)
        finally:
            self.screen.close()
        for phase, at_s in sorted(self.story.seen.items(), key=lambda item: item[1]):
            line(f"seen after {at_s:5.1f} s: {phase.value}")
        for phase in self.story.missing:
            line(f"not seen: {phase.value}")
        return 1 if self.story.missing else 0

    def _now_s(self) -> float:
        return time.monotonic() - self.started_s

    def _create(self) -> None:
        for part in CAST:
            url = self.upstreams[part.instance_id].url_of(part.instance_id)
            body = {"id": part.instance_id, "link": "websocket", "url": url}
            try:
                self.client.call("POST", "/api/v1/instances", body)
            except ApiError as refusal:
                if refusal.api_code != "instance_exists":
                    raise
                self.client.call("PATCH", f"/api/v1/instances/{part.instance_id}", {"url": url})

    def _look(self) -> None:
        """Read state and history, as any client could."""
        health = self.client.call("GET", "/health")["data"]
        instances = self.client.all_pages("/api/v1/instances")
        self.story.feed(instances, self._now_s())
        while self.story.news:
            self.screen.tell(self._now_s(), *self.story.news.pop(0))
        for one in instances:
            self._tell_timeline(one["id"])
        self.screen.state(health, instances)

    def _tell_timeline(self, instance_id: str) -> None:
        path = f"/api/v1/instances/{instance_id}/timeline"
        for entry in reversed(self.client.call("GET", path, query={"limit": 20})["data"]):
            key = (instance_id, entry["at"], entry["event"])
            if key not in self._told:
                self._told.add(key)
                self._note_probe(instance_id, entry)
                if words := in_words(entry):
                    self.screen.tell(self._now_s(), instance_id, words)

    def _note_probe(self, instance_id: str, entry: dict[str, Any]) -> None:
        if instance_id == REFUSED.instance_id and entry["event"] == "breaker.half_open":
            self._probe_failed = True

    def _act(self) -> None:
        now_s = self._now_s()
        if (pid := self.story.victim(now_s)) is not None:
            self.screen.tell(now_s, KILLED.instance_id, f"kill -9 {pid} (the demo does this)")
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        match self.story.upstream_wish(now_s, self._probe_failed):
            case Upstream.HEALED:
                self.screen.tell(now_s, REFUSED.instance_id, "its upstream is healed (the demo does this)")
                self.upstreams[REFUSED.instance_id].set_fault("none")
            case Upstream.REFUSING:
                self._probe_failed = False
                self.screen.tell(
                    now_s, REFUSED.instance_id, "its upstream refuses again (the demo does this)"
                )
                self.upstreams[REFUSED.instance_id].set_fault("refuse", drop_open=True)
