"""What the gatekeeper answers: permits with an end, holds with a reason."""

from actors.gatekeeper import Gatekeeper
from core.config import GateSettings
from core.messages import PermitGranted, PermitHeld, PermitRequest
from core.upstream import RENEW_S


def asked(name: str) -> PermitRequest:
    return PermitRequest(name, "ws://x", 7, probe=False)


def test_a_permit_is_good_for_twenty_five_seconds_whether_it_was_given_at_once_or_later() -> None:
    keeper = Gatekeeper(GateSettings(connect_rate=1.0), lambda _: None, lambda _: [])
    assert keeper.request(asked("a"), 100.0) == PermitGranted("a", 7, 125.0)
    assert keeper.request(asked("b"), 100.0) == PermitHeld(
        "b", 7, RENEW_S, "waiting for a permit: dials are paced"
    )
    assert keeper.release(101.0) == [PermitGranted("b", 7, 126.0)]
