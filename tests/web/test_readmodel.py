"""The read model: what a push does, what a lost one does, who is woken."""

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.messages import FleetDelta, FleetSnapshot
from core.snapshot import InstanceSnapshot
from tests.web.conftest import DEADLINE_S
from tests.web.fakes import host, snapshot
from web.readmodel import FleetView, ReadModel


def full(seq: int, *ids: str, feed: str = "f", at: float = 0.0) -> FleetSnapshot:
    return FleetSnapshot(feed, seq, at, host(), tuple(snapshot(one, at=0.0) for one in ids))


def delta(seq: int, *ids: str, removed: tuple[str, ...] = (), feed: str = "f", at: float = 0.0) -> FleetDelta:
    return FleetDelta(feed, seq, at, host(), tuple(snapshot(one, at=0.0) for one in ids), removed)


def ids(view: FleetView) -> list[str] | None:
    return None if view.fleet is None else sorted(view.fleet.instances)


@pytest.mark.parametrize(
    ("pushes", "known", "complete"),
    [
        ([], None, False),
        ([full(1, "a")], ["a"], True),
        ([delta(1, "a")], None, False),
        ([full(1, "a"), delta(2, "b")], ["a", "b"], True),
        ([full(1, "a"), delta(2, removed=("a",))], [], True),
        ([full(1, "a"), delta(2, removed=("never",))], ["a"], True),
        ([full(1, "a"), delta(3, "b")], ["a"], False),
        ([full(1, "a"), delta(3, "b"), full(3, "a", "b")], ["a", "b"], True),
        ([full(1, "a"), delta(2, "b"), delta(2, "b")], ["a", "b"], True),
        ([full(5, "a"), delta(4, "b")], ["a"], True),
        ([full(5, "a"), delta(1, "b", feed="g")], ["a"], False),
        ([full(5, "a"), full(1, "b", feed="g")], ["b"], True),
        ([full(5, "a", at=9.0), full(4, at=8.0)], ["a"], True),
        ([full(5, "a", at=8.0), full(1, "b", at=9.0)], ["b"], True),
    ],
    ids=[
        "nothing",
        "snapshot",
        "delta without a snapshot",
        "delta",
        "removed",
        "removed twice",
        "gap keeps the old state",
        "gap repaired",
        "repeated delta",
        "overtaken delta",
        "delta of another life",
        "snapshot of another life",
        "overtaken snapshot",
        "numbers anew",
    ],
)
def test_pushes(pushes: list[FleetSnapshot | FleetDelta], known: list[str] | None, complete: bool) -> None:
    view = FleetView()
    for push in pushes:
        view = view.apply(push)
    assert ids(view) == known
    assert view.complete is complete
    assert view.have_seq == (view.seq if complete else 0)


def test_a_push_never_changes_an_older_view() -> None:
    before = FleetView().apply(full(1, "a"))
    before.apply(delta(2, "b", removed=("a",)))
    assert ids(before) == ["a"]


changes = st.lists(
    st.tuples(st.sampled_from("abcd"), st.booleans(), st.sampled_from(["lost", "once", "twice"])), max_size=30
)


@given(changes)
def test_whatever_is_lost_the_model_is_never_wrong_without_knowing(
    moves: list[tuple[str, bool, str]],
) -> None:
    truth: dict[str, InstanceSnapshot] = {}
    view = FleetView().apply(FleetSnapshot("f", 0, 0.0, host(), ()))
    for seq, (name, there, fate) in enumerate(moves, 1):
        one = replace(snapshot(name, at=0.0), attempts=seq)
        truth = {key: value for key, value in truth.items() if key != name} | ({name: one} if there else {})
        push = FleetDelta("f", seq, float(seq), host(), (one,) if there else (), () if there else (name,))
        for _ in range({"lost": 0, "once": 1, "twice": 2}[fate]):
            view = view.apply(push)
        if view.complete and view.seq == seq:
            assert view.fleet is not None
            assert view.fleet.instances == truth
    view = view.apply(FleetSnapshot("f", len(moves), float(len(moves)), host(), tuple(truth.values())))
    assert view.fleet is not None
    assert (view.fleet.instances, view.complete) == (truth, True)


def test_age_counts_from_the_last_push_that_fitted() -> None:
    now_s = 100.0
    model = ReadModel(clock=lambda: now_s)
    assert model.age_s() is None
    model.apply(full(1, "a"))
    now_s = 107.0
    assert model.age_s() == 7.0
    model.apply(delta(9, "b"))  # a gap: still the old state
    assert model.age_s() == 7.0
    model.apply(full(9, "b"))
    assert model.age_s() == 0.0


def test_apply_says_when_everything_has_to_be_asked_for() -> None:
    model = ReadModel()
    assert model.apply(full(1)) is True
    assert model.apply(delta(3)) is False


def test_waiters_wake_on_every_kind_of_news() -> None:
    model = ReadModel()
    woken: list[str] = []

    def wait(name: str) -> None:
        conditions = {
            "instance": lambda m: m.instance("a") is not None,
            "journal": lambda m: m.journal_number >= 5,
            "ready": lambda m: m.root_ready is True,
        }
        if model.wait_for(conditions[name], DEADLINE_S):
            woken.append(name)

    threads = [threading.Thread(target=wait, args=(name,)) for name in ("instance", "journal", "ready")]
    for thread in threads:
        thread.start()
    model.apply(full(1, "a"))
    model.journal_advanced(5)
    model.root_answered(True)
    for thread in threads:
        thread.join(DEADLINE_S)
    assert sorted(woken) == ["instance", "journal", "ready"]


def test_closing_wakes_everybody_empty_handed() -> None:
    model = ReadModel()
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(model.wait_for(lambda _: False, DEADLINE_S)))
    thread.start()
    model.close()
    thread.join(DEADLINE_S)
    assert results == [False]
    assert model.closed


def test_the_journal_number_never_goes_back() -> None:
    model = ReadModel()
    model.journal_advanced(7)
    model.journal_advanced(3)
    assert model.journal_number == 7
