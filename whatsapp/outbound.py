"""Messages that the application sends: one composed at a time, each answered once (protocol §12.7, §12.9)."""

from collections import deque
from dataclasses import dataclass

from whatsapp import directory, lid_map, sender_key_readers, sent_messages, signal_cipher
from whatsapp.direct_sending import DirectSending
from whatsapp.errors import ProtocolError
from whatsapp.fanout import Composed, Outgoing
from whatsapp.group_sending import GroupSending, own_address
from whatsapp.queries import LOST, Answer, QueryFailure
from whatsapp.session_core import SessionCore
from whatsapp.state import Recent, StateReader
from whatsapp.turn import Turn

MAX_QUEUED = 1000
MAX_BLAMED = 3
_BLAMED = Recent("blamed", 100)
RESTRICTED, INVALID = 463, 479
_REFUSED = {
    RESTRICTED: "the account is restricted or lacks the recipient's privacy token (463)",
    INVALID: "the server refused the message as invalid (479)",
}


@dataclass(slots=True)
class _Job:
    outgoing: Outgoing
    composed: Composed | None = None
    recomposed: bool = False


class Outbound:
    """Composing is serial, because two encryptions for one device at a time would break its ratchet."""

    def __init__(self, core: SessionCore, direct: DirectSending, groups: GroupSending) -> None:
        self._core = core
        self._direct = direct
        self._groups = groups
        self._queue: deque[_Job] = deque()
        self._active: _Job | None = None
        self._unacknowledged: dict[str, _Job] = {}

    def submit(self, turn: Turn, outgoing: Outgoing) -> None:
        """Send a message; the reply comes when the server accepted it, or why it did not."""
        if len(self._queue) >= MAX_QUEUED:
            turn.reply(outgoing.ref, "too many messages wait to be sent", retry=True)
        elif _blamed(turn.tx, outgoing.id) >= MAX_BLAMED:
            turn.reply(outgoing.ref, f"the server ended the connection {MAX_BLAMED} times on this message")
        else:
            self._queue.append(_Job(sent_messages.same_as_before(turn.tx, outgoing)))
            self._pump(turn)

    def blame(self, turn: Turn) -> None:
        """The server called what we sent malformed: remember the first message that it had not acknowledged.

        Stored, because the process may end with the connection each time.
        """
        for message_id in list(self._unacknowledged)[:1]:
            _BLAMED.put(turn.tx, message_id, bytes([_blamed(turn.tx, message_id) + 1]))

    def lost(self, turn: Turn) -> None:
        """The connection is gone; what waits is answered, so that its owner tries again."""
        queued, self._queue, self._active = self._queue, deque(), None
        self._unacknowledged.clear()
        for job in queued:
            turn.reply(job.outgoing.ref, LOST, retry=True)

    def _pump(self, turn: Turn) -> None:
        while self._queue and self._active is None:
            job = self._active = self._queue.popleft()
            try:
                with turn.attempt():
                    self._compose(turn, job)
            except ProtocolError as error:
                self._active = None
                turn.reply(job.outgoing.ref, str(error))

    def _compose(self, turn: Turn, job: _Job) -> None:
        def done(turn: Turn, composed: Composed | QueryFailure) -> None:
            if self._active is job:
                self._active = None
            if isinstance(composed, QueryFailure):
                turn.reply(job.outgoing.ref, composed.text, retry=composed.retry)
            else:
                self._leave(turn, job, composed)

        def done_and_next(turn: Turn, composed: Composed | QueryFailure) -> None:
            done(turn, composed)
            if self._core.online:
                self._pump(turn)

        compose = self._groups.compose if job.outgoing.to.is_group else self._direct.compose
        compose(turn, job.outgoing, done_and_next)

    def _leave(self, turn: Turn, job: _Job, composed: Composed) -> None:
        job.composed = composed
        sent_messages.remember(turn.tx, job.outgoing)
        self._unacknowledged[job.outgoing.id] = job
        timeout_s = self._core.settings.ack_timeout_s

        def acknowledged(turn: Turn, answer: Answer) -> None:
            self._unacknowledged.pop(job.outgoing.id, None)
            if not isinstance(answer, QueryFailure):
                turn.tx.delete(_BLAMED.space, job.outgoing.id)
            self._answered(turn, job, composed, answer)

        if self._core.queries.expect(turn, job.outgoing.id, acknowledged, timeout_s):
            turn.send(composed.stanza)

    def _answered(self, turn: Turn, job: _Job, composed: Composed, answer: Answer) -> None:
        outgoing = job.outgoing
        if isinstance(answer, QueryFailure):
            self._doubt(turn, outgoing)
            turn.reply(outgoing.ref, answer.text, retry=True)
            return
        error = answer.int_attr("error", 0)
        if error == 0:
            if answer.optional("phash") not in (None, composed.participant_hash):
                self._forget_devices(turn, composed)
            turn.reply(outgoing.ref, id=outgoing.id, to=str(outgoing.to), timestamp=answer.int_attr("t", 0))
        elif error == INVALID and not job.recomposed:
            self._start_over(turn, job, composed)
        else:
            self._doubt(turn, outgoing)
            turn.reply(outgoing.ref, _REFUSED.get(error, f"the server refused the message ({error})"))

    def _start_over(self, turn: Turn, job: _Job, composed: Composed) -> None:
        """A stale device list or session is the usual reason: ask for both again, once."""
        self._forget_devices(turn, composed)
        for user in composed.users:
            name = (lid_map.lid_of(turn.tx, user) or user).signal_name
            for address in signal_cipher.addresses(turn.tx, signal_cipher.SESSIONS, name):
                signal_cipher.archive_session(turn.tx, address)
        self._doubt(turn, job.outgoing)
        self._queue.appendleft(_Job(job.outgoing, recomposed=True))
        self._pump(turn)

    def _doubt(self, turn: Turn, outgoing: Outgoing) -> None:
        """Nobody may have got our sender key with a message that was not accepted."""
        if outgoing.to.is_group:
            sender_key_readers.rotate(turn.tx, outgoing.to, own_address(self._core))

    def _forget_devices(self, turn: Turn, composed: Composed) -> None:
        for user in composed.users:
            directory.forget(turn.tx, user)


def _blamed(state: StateReader, message_id: str) -> int:
    """How often the server ended the connection on this message."""
    return int.from_bytes(_BLAMED.get(state, message_id) or b"", "big")
