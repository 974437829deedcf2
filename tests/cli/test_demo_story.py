"""The demo's story: which phases a sequence of API states shows, and when the demo acts. No process, no clock."""

from typing import Any

import pytest

from cli.demo_cast import CAST, SHORT_TIMES
from cli.demo_story import HEALTHY_S, KILL_EVERY_S, KILL_FIRST_S, Phase, Story, Upstream
from cli.demo_words import in_words
from cli.settings import load_settings


def state(
    instance_id: str, link: str = "open", breaker: str = "closed", pid: int | None = 1, attempts: int = 0
) -> dict[str, Any]:
    return {
        "id": instance_id,
        "link_state": link,
        "breaker_state": breaker,
        "pid": pid,
        "attempts": attempts,
    }


def test_nothing_is_seen_at_first() -> None:
    assert Story().missing == list(Phase)


@pytest.mark.parametrize(
    ("states", "seen"),
    [
        ([state("steady", "dialling")], []),
        ([state("steady")], [Phase.CONNECTED]),
        ([state("steady"), state("steady", "waiting")], [Phase.CONNECTED, Phase.BROKE]),
        ([state("steady", "waiting", attempts=1)], [Phase.BACKED_OFF]),
        ([state("refused", "waiting", "open")], [Phase.OPENED]),
        ([state("refused", "dialling", "half_open")], [Phase.HALF_OPEN]),
        ([state("refused", "open", "half_open"), state("refused")], [Phase.CONNECTED, Phase.HALF_OPEN]),
        (
            [state("refused", "waiting", "open"), state("refused", "open", "half_open"), state("refused")],
            [Phase.CONNECTED, Phase.OPENED, Phase.HALF_OPEN, Phase.RECOVERED],
        ),
        (
            [state("refused", "waiting", "open"), state("refused", "waiting", "closed")],
            [Phase.OPENED],
        ),
    ],
    ids=["dialling", "open", "lost", "waiting", "breaker open", "probe", "never open", "recovered", "reset"],
)
def test_phases(states: list[dict[str, Any]], seen: list[Phase]) -> None:
    story = Story()
    for number, one in enumerate(states):
        story.feed([one], float(number))
    assert [phase for phase in Phase if phase in story.seen] == seen


def test_a_kill_waits_for_an_open_link_and_is_over_when_another_process_has_it() -> None:
    story = Story()
    story.feed([state("killed", "dialling", pid=10)], 0.0)
    assert story.victim(KILL_FIRST_S) is None
    story.feed([state("killed", pid=10)], 1.0)
    assert story.victim(KILL_FIRST_S - 0.1) is None
    assert story.victim(KILL_FIRST_S) == 10
    assert story.victim(KILL_FIRST_S + KILL_EVERY_S) is None  # the last one has not come back yet
    for one in (
        state("killed", pid=10),
        state("killed", "idle", pid=None),
        state("killed", "dialling", pid=11),
    ):
        story.feed([one], 9.0)
        assert Phase.RESTARTED not in story.seen
    story.feed([state("killed", pid=11)], 10.0)
    assert story.seen[Phase.RESTARTED] == 10.0
    assert story.victim(KILL_FIRST_S + KILL_EVERY_S - 0.1) is None
    assert story.victim(KILL_FIRST_S + KILL_EVERY_S) == 11


def test_a_new_process_is_news() -> None:
    story = Story()
    for pid in (None, 10, 10):
        story.feed([state("steady", pid=pid)], 0.0)
    assert story.news == []
    for pid in (None, 11, 11):
        story.feed([state("steady", pid=pid)], 0.0)
    assert story.news == [("steady", "its supervisor has started a new process, pid 11")]


def test_the_refused_upstream_is_healed_after_a_failed_probe_and_refuses_again_later() -> None:
    story = Story()
    story.feed([state("refused", "waiting", "closed")], 0.0)
    assert story.upstream_wish(1.0, probe_failed=False) is None
    story.feed([state("refused", "waiting", "open")], 2.0)
    assert story.upstream_wish(2.0, probe_failed=False) is None
    assert story.upstream_wish(12.0, probe_failed=True) is Upstream.HEALED
    assert story.upstream_wish(12.0 + HEALTHY_S + 1, probe_failed=True) is None  # not recovered yet
    story.feed([state("refused", "open", "half_open")], 22.0)
    story.feed([state("refused")], 26.0)
    assert story.upstream_wish(12.0 + HEALTHY_S, probe_failed=True) is None
    assert story.upstream_wish(12.0 + HEALTHY_S + 1, probe_failed=True) is Upstream.REFUSING
    assert story.upstream_wish(12.0 + HEALTHY_S + 2, probe_failed=False) is None


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"event": "connection.update"}, None),
        ({"event": "breaker.waiting"}, None),
        ({"event": "socket.creating"}, "connects"),
        ({"event": "socket.error", "cause": "refused"}, "🚨 failed (refused)"),
        (
            {"event": "retry.scheduled", "cause": "refused", "delay_s": 1.26},
            "🔄 waits 1.3 s for the next attempt",
        ),
        ({"event": "link.parked", "why_not": "logged out"}, "link.parked not retrying: logged out"),
    ],
)
def test_words(entry: dict[str, Any], words: str | None) -> None:
    assert in_words({"cause": None, "delay_s": None, "why_not": None} | entry) == words


def test_the_demos_times_are_allowed_settings_and_its_instances_differ(tmp_path: Any) -> None:
    (tmp_path / "demo.toml").write_text(SHORT_TIMES)
    settings = load_settings(tmp_path / "demo.toml", {}, {})
    assert settings.breaker.failure_threshold == 4
    assert len({part.instance_id for part in CAST}) == 5
