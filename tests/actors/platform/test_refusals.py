"""Which refused frames are logged and which only counted, so that no peer can fill the log."""

from actors.refusals import MAX_REMEMBERED, REPEAT_AFTER_S, RefusalLog
from actors.wire_codec import FrameRefused, Refusal

FOREIGN, UNSIGNED = FrameRefused(Refusal.FOREIGN), FrameRefused(Refusal.UNSIGNED)


def test_refusals_are_logged_once_and_then_counted() -> None:
    log = RefusalLog()
    assert log.note("a", FOREIGN, 0.0) == 0
    assert log.note("a", FOREIGN, 1.0) is None
    assert log.note("a", FOREIGN, 2.0) is None
    assert log.note("a", UNSIGNED, 2.0) == 0
    assert log.note("b", FOREIGN, 2.0) == 0
    assert log.note("a", FOREIGN, REPEAT_AFTER_S) == 2
    assert log.note("a", FOREIGN, REPEAT_AFTER_S + 1) is None


def test_each_class_of_ours_that_is_refused_is_logged_and_strangers_details_are_not() -> None:
    log = RefusalLog()
    for refusal, second in [(Refusal.DISALLOWED, 0), (Refusal.OVERSIZE, None)]:
        assert log.note("a", FrameRefused(refusal, "one"), 0.0) == 0
        assert log.note("a", FrameRefused(refusal, "other"), 0.0) == second


def test_many_peers_do_not_make_the_log_grow() -> None:
    log = RefusalLog()
    for number in range(10 * MAX_REMEMBERED):
        assert log.note(str(number), FOREIGN, 0.0) == 0
    assert len(log._seen) == MAX_REMEMBERED
