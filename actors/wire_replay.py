"""Each frame is delivered once: a window over what every sender has sent to this receiver. Pure.

Thespian sends the same bytes again when no answer came, so an authentic repetition is nothing wrong: it gets its
receipt and is not delivered again. A frame for another receiver, or from before this receiver began, is refused.

A sender numbers its frames (whoever they are for) and has one on its way to each receiver at a time; so what is new
here is above the highest number seen, or close below it and unseen. The window is the sliding bitmap of RFC 4303
§3.4.3. What is known of a sender is kept until its frames are too old to be judged new anyway: that bounds the memory.
"""

from enum import Enum

from actors.wire_codec import FrameRefused, Refusal, Stamp

SECOND_NS = 1_000_000_000
# Far more than a message is retried (tuning.TRANSMIT_TIMEOUT), so that a pause of the whole tree loses nothing.
MAX_AGE_NS = 120 * SECOND_NS
# The clock is one for all processes of a host: what comes from the future is no frame of this boot.
MAX_AHEAD_NS = SECOND_NS
WINDOW = 64


class Verdict(Enum):
    NEW = "new"
    REPEATED = "repeated"


class _Stream:
    """One sender. `seen`: bit n is set when number `highest` - n was delivered."""

    __slots__ = ("highest", "newest_ns", "seen")

    def __init__(self) -> None:
        self.highest = 0
        self.seen = 0
        self.newest_ns = 0


class ReplayWindow:
    """For one receiver. `destination`: its address as in stamps. `began_ns`: before it could be sent anything."""

    def __init__(self, destination: bytes, began_ns: int) -> None:
        self._destination = destination
        self._began_ns = began_ns
        self._streams: dict[bytes, _Stream] = {}
        self._tidy_at_ns = 0

    def __len__(self) -> int:
        """How many senders are remembered."""
        return len(self._streams)

    def judge(self, stamp: Stamp, now_ns: int) -> Verdict:
        """What an authentic stamp is worth. FrameRefused when it is for another receiver or from another time."""
        if stamp.destination != self._destination:
            raise FrameRefused(Refusal.MISDIRECTED)
        if stamp.sent_ns < self._began_ns:
            raise FrameRefused(Refusal.STALE, "sent before this receiver began")
        age_ns = now_ns - stamp.sent_ns
        if age_ns > MAX_AGE_NS:
            raise FrameRefused(Refusal.STALE, f"older than {MAX_AGE_NS // SECOND_NS} s")
        if age_ns < -MAX_AHEAD_NS:
            raise FrameRefused(Refusal.STALE, "from the future")
        stream = self._streams.get(stamp.stream)
        if stream is None or stamp.counter > stream.highest:
            return Verdict.NEW
        behind = stream.highest - stamp.counter
        if behind >= WINDOW:
            raise FrameRefused(Refusal.STALE, "far behind what came after it")
        return Verdict.REPEATED if stream.seen >> behind & 1 else Verdict.NEW

    def delivered(self, stamp: Stamp, now_ns: int) -> None:
        """Remember a frame that was judged new and is being delivered."""
        stream = self._streams.get(stamp.stream)
        if stream is None:
            self._tidy(now_ns)
            stream = self._streams[stamp.stream] = _Stream()
        ahead = stamp.counter - stream.highest
        if ahead > 0:
            # A number far ahead shifts everything out: no need to build the number 2^ahead.
            stream.seen = (stream.seen << ahead if ahead < WINDOW else 0) | 1
            stream.seen &= (1 << WINDOW) - 1
            stream.highest = stamp.counter
        else:
            stream.seen |= 1 << -ahead
        stream.newest_ns = max(stream.newest_ns, stamp.sent_ns)

    def _tidy(self, now_ns: int) -> None:
        """Forget senders all of whose delivered frames are too old to be judged new."""
        if now_ns < self._tidy_at_ns:
            return
        self._tidy_at_ns = now_ns + MAX_AGE_NS // 4
        oldest_ns = now_ns - MAX_AGE_NS
        self._streams = {name: each for name, each in self._streams.items() if each.newest_ns >= oldest_ns}
