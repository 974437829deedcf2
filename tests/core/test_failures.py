"""The table of failure kinds: what is retried, what counts, which code is shown."""

import pickle

import pytest

from core.failures import POLICIES, Failure, FailureKind

K = FailureKind
# kind: retried, counts for the breaker, status code shown
TABLE = {
    K.NETWORK: (True, True, 428),
    K.TIMEOUT: (True, True, 408),
    K.THROTTLED: (True, True, 429),
    K.PROTOCOL: (True, True, 500),
    K.UPSTREAM: (True, True, 428),
    K.RESTART: (True, False, 515),
    K.REPLACED: (False, False, 440),
    K.LOGGED_OUT: (False, False, 401),
    K.BANNED: (False, False, 403),
    K.TEMP_BANNED: (False, False, 402),
    K.OUTDATED: (False, False, 405),
    K.CONFIG: (False, False, 400),
    K.BUG: (True, False, 500),
}


@pytest.mark.parametrize(("kind", "row"), TABLE.items(), ids=[kind.value for kind in TABLE])
def test_each_kind_has_its_policy(kind: FailureKind, row: tuple[bool, bool, int]) -> None:
    policy = kind.policy
    assert (policy.retried, policy.counts, policy.status) == row
    assert kind.permanent is (not policy.retried) is Failure(kind, "why").permanent


def test_every_kind_has_a_policy() -> None:
    assert set(POLICIES) == set(FailureKind) == set(TABLE)


@pytest.mark.parametrize("kind", [k for k in K if k.permanent], ids=lambda kind: kind.value)
def test_a_permanent_kind_tells_the_operator_what_to_do(kind: FailureKind) -> None:
    assert kind.policy.next_step is not None and kind.policy.next_step.endswith(".")


@pytest.mark.parametrize("kind", [k for k in K if not k.permanent], ids=lambda kind: kind.value)
def test_a_retried_kind_needs_no_next_step(kind: FailureKind) -> None:
    assert kind.policy.next_step is None


def test_a_failure_shows_its_own_status_or_its_kinds() -> None:
    assert Failure(K.THROTTLED, "wait").shown_status == 429
    assert Failure(K.THROTTLED, "wait", 503).shown_status == 503


def test_a_failure_travels_between_processes() -> None:
    failure = Failure(K.THROTTLED, "wait", 503, 30.0)
    assert pickle.loads(pickle.dumps(failure)) == failure
