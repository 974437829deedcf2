"""When the bridge asks, and when it gives the root up."""

from web.pulse import QUIET_S, RENEW_S, SILENCE_S, UNREADY_S, Pulse


def test_the_first_renewal_is_due_at_once_and_the_next_later() -> None:
    pulse = Pulse(100.0)
    assert pulse.renewal_due(100.0, ready=True)
    assert not pulse.renewal_due(100.0 + RENEW_S - 0.1, ready=True)
    assert pulse.renewal_due(100.0 + RENEW_S, ready=True)


def test_a_root_that_is_not_ready_is_asked_more_often() -> None:
    pulse = Pulse(100.0)
    assert pulse.renewal_due(100.0, ready=False)
    assert pulse.renewal_due(100.0 + UNREADY_S, ready=False)


def test_a_quiet_root_is_asked_once_per_interval() -> None:
    pulse = Pulse(100.0)
    assert not pulse.ping_due(100.0 + QUIET_S - 0.1)
    assert pulse.ping_due(100.0 + QUIET_S)
    assert not pulse.ping_due(100.0 + QUIET_S + 0.1)


def test_a_root_that_speaks_is_never_asked_nor_lost() -> None:
    pulse = Pulse(0.0)
    for second in range(100):
        pulse.heard(float(second))
        assert not pulse.ping_due(second + 1.0)
        assert not pulse.lost(second + 1.0)


def test_silence_after_a_question_is_a_loss() -> None:
    pulse = Pulse(0.0)
    assert pulse.ping_due(QUIET_S)
    assert not pulse.lost(SILENCE_S)
    assert pulse.lost(SILENCE_S + 0.1)


def test_questions_that_go_on_do_not_put_the_verdict_off() -> None:
    pulse = Pulse(0.0)
    now_s = 0.0
    while not pulse.lost(now_s):
        pulse.renewal_due(now_s, ready=False)
        now_s += UNREADY_S
        assert now_s < 2 * SILENCE_S


def test_an_answer_ends_the_doubt() -> None:
    pulse = Pulse(0.0)
    pulse.ping_due(QUIET_S)
    pulse.heard(SILENCE_S)
    assert not pulse.lost(2 * SILENCE_S)


def test_a_bridge_that_was_paused_asks_before_it_judges() -> None:
    pulse = Pulse(0.0)
    assert not pulse.lost(60.0)
    assert pulse.ping_due(60.0)
    assert not pulse.lost(60.5)
    assert pulse.lost(60.0 + SILENCE_S)


def test_waiting_ends_when_something_is_due() -> None:
    pulse = Pulse(0.0)
    assert pulse.wait_s(0.0, ready=True) == 0.0
    pulse.renewal_due(0.0, ready=True)
    assert pulse.wait_s(0.0, ready=True) == QUIET_S
    assert pulse.wait_s(0.0, ready=False) == UNREADY_S
    assert pulse.wait_s(99.0, ready=True) == 0.0
