import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.effects import Change
from whatsapp import state as state_module
from whatsapp.errors import LocalProtocolError, StateLimitError
from whatsapp.state import MAX_KEY_CHARS, MAX_VALUE_BYTES, MemoryState, Recent, Transaction

spaces = st.sampled_from(["a", "b"])
keys = st.sampled_from(["1", "2", "3"])


class Transactions(RuleBasedStateMachine):
    """A stack of nested transactions beside plain dictionaries that are copied and put back."""

    def __init__(self):
        super().__init__()
        self.state = MemoryState()
        self.stack = []
        self.managers = []
        self.models = [{}]

    @property
    def top(self):
        return self.stack[-1] if self.stack else None

    @rule()
    def begin(self):
        if len(self.stack) < 3:
            manager = self.top.nested() if self.stack else self.state.transaction()
            self.stack.append(manager.__enter__())
            self.managers.append(manager)
            self.models.append(dict(self.models[-1]))

    @rule(space=spaces, key=keys, value=st.binary(max_size=2))
    def put(self, space, key, value):
        if self.stack:
            self.top.put(space, key, value)
            self.models[-1][space, key] = value

    @rule(space=spaces, key=keys)
    def delete(self, space, key):
        if self.stack:
            self.top.delete(space, key)
            self.models[-1].pop((space, key), None)

    @rule()
    def commit(self):
        if self.stack:
            self.stack.pop()
            self.managers.pop().__exit__(None, None, None)
            model = self.models.pop()
            self.models[-1] = model

    @rule()
    def fail(self):
        if self.stack:
            self.stack.pop()
            assert not self.managers.pop().__exit__(RuntimeError, RuntimeError("dropped"), None)
            self.models.pop()

    @invariant()
    def reads_agree(self):
        reader = self.top or self.state
        model = self.models[-1]
        for space in ("a", "b"):
            expected = {key: value for (owner, key), value in model.items() if owner == space}
            assert set(reader.keys(space)) == set(expected)
            assert reader.count(space) == len(expected)
            for key in ("1", "2", "3"):
                assert reader.get(space, key) == expected.get(key)

    @invariant()
    def nothing_leaks_into_the_base(self):
        assert {(space, key): value for space, key, value in self.state.rows()} == self.models[0]


TestTransactions = Transactions.TestCase
TestTransactions.settings = settings(deadline=None, max_examples=50, stateful_step_count=25)


def test_changes_are_what_a_persist_effect_carries():
    state = MemoryState.load([("s", "old", b"1")])
    transaction = Transaction(state)
    transaction.put("s", "new", b"2")
    transaction.delete("s", "old")
    transaction.delete("s", "never there")
    assert transaction.changes() == (Change("s", "new", b"2"), Change("s", "old", None))
    assert state.get("s", "new") is None
    state.apply(transaction.changes())
    assert list(state.rows()) == [("s", "new", b"2")]


def test_limits_are_our_own_errors(monkeypatch):
    transaction = Transaction(MemoryState())
    with pytest.raises(StateLimitError):
        transaction.put("s", "k" * (MAX_KEY_CHARS + 1), b"")
    with pytest.raises(StateLimitError):
        transaction.put("s", "k", bytes(MAX_VALUE_BYTES + 1))
    monkeypatch.setattr(state_module, "MAX_ENTRIES", 2)
    transaction.put("s", "1", b"")
    transaction.put("s", "2", b"")
    transaction.put("s", "2", b"again")
    with pytest.raises(StateLimitError):
        transaction.put("s", "3", b"")
    transaction.delete("s", "1")
    transaction.put("s", "3", b"")
    assert transaction.count("s") == 2


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 60).map(str), max_size=150), st.integers(1, 20))
def test_recent_entries_are_there_and_old_ones_go(keys, limit):
    state, recent = MemoryState(), Recent("r", limit)
    for key in keys:
        with state.transaction() as transaction:
            recent.put(transaction, key, key.encode())
    newest_first = list(dict.fromkeys(reversed(keys)))
    for key in newest_first[:limit]:
        assert recent.get(state, key) == key.encode()
    assert state.count("r") <= limit + limit // 8 + 1
    for key in newest_first[limit + limit // 8 :]:
        assert recent.get(state, key) is None


def test_recent_remembers_its_order_after_a_reload():
    state, recent = MemoryState(), Recent("r", 8)
    with state.transaction() as transaction:
        for key in "abcdefgh":
            recent.put(transaction, key)
    state = MemoryState.load(sorted(state.rows(), reverse=True))
    with state.transaction() as transaction:
        recent.put(transaction, "i")
        recent.put(transaction, "j")
    assert sorted(key for key in state.keys("r") if key) == list("cdefghij")


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 9).map(str), st.integers(0, 40)), max_size=60))
def test_recent_values_fit_their_bytes_and_the_newest_stays(puts):
    state, recent = MemoryState(), Recent("r", 8, limit_bytes=100)
    for key, size in puts:
        with state.transaction() as transaction:
            recent.put(transaction, key, bytes(size))
        kept = [len(value) for space, name, value in state.rows() if name]
        assert sum(kept) <= 100 or len(kept) == 1
        assert recent.get(state, key) == bytes(size)


def test_old_values_go_only_as_far_as_the_room_is_needed():
    state, recent = MemoryState(), Recent("r", 8, limit_bytes=100)
    for key, size in [("a", 22), ("b", 22), ("c", 22), ("d", 50)]:
        with state.transaction() as transaction:
            recent.put(transaction, key, bytes(size))
    assert sorted(key for key in state.keys("r") if key) == ["c", "d"]


def test_the_empty_key_of_a_recent_space_is_taken():
    with pytest.raises(LocalProtocolError):
        Recent("r", 8).put(Transaction(MemoryState()), "")


def test_state_does_not_show_its_values():
    assert "secret" not in repr(MemoryState.load([("s", "k", b"secret")]))
