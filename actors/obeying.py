"""An operator's commands to one instance, and their answers."""

from collections.abc import Callable
from typing import Any

from actors.ports import Answer
from actors.runtime import Runtime
from core import outbox as outboxes
from core.gate import FORCE_INTERVAL_S, force_wait_s
from core.instances import Desired
from core.link_state import Verdict, verdict
from core.messages import Address, CommandReply, ForceRetry, ResetBreaker, SubmitMessage
from core.records import OutboxMessage

Known = Callable[[str], OutboxMessage | None]


def obey(runtime: Runtime, known: Known, command: Any, reply_to: Address) -> None:
    """Carry out one command; it is answered now or when what it did is durable or started."""
    match command:
        case ForceRetry():
            _force(runtime, command, reply_to)
        case ResetBreaker():
            runtime.reset(reply_to, command.ref)
        case SubmitMessage():
            _submit(runtime, known, command, reply_to)
        case _:
            runtime.ports.answer(reply_to, refusal(command.ref, "invalid", "not a command for an instance"))


def refusal(ref: str, code: str, text: str) -> CommandReply:
    return CommandReply(ref, False, code, text)


def takes_directly(runtime: Runtime, command: Any) -> bool:
    """Whether a command that came past the root is one for this instance, and needs nothing of the root's."""
    record = runtime.record
    if command.instance_id != record.instance_id:
        return False  # another instance had this address before
    return not isinstance(command, ForceRetry) or record.desired is Desired.CONNECTED


def _force(runtime: Runtime, command: ForceRetry, reply_to: Address) -> None:
    now_s = runtime.ports.now_s()
    match verdict(runtime.link, now_s):
        case Verdict.STARTS if (wait_s := force_wait_s(runtime.forced_at_s, now_s)) > 0:
            runtime.ports.answer(reply_to, _too_soon(command.ref, wait_s))
        case Verdict.STARTS:
            runtime.force(reply_to, command.ref)
        case Verdict.SESSION_EXISTS:
            runtime.ports.answer(reply_to, refusal(command.ref, "session_exists", "Session already exists"))
        case Verdict.IN_PROGRESS:
            runtime.ports.answer(
                reply_to, refusal(command.ref, "in_progress", "Connection already in progress")
            )
        case Verdict.PARKED:
            runtime.ports.answer(reply_to, _parked(runtime, command.ref))


def _too_soon(ref: str, wait_s: float) -> CommandReply:
    text = (
        f"An attempt was forced less than {FORCE_INTERVAL_S:g} s ago; the next one may be in {wait_s:.1f} s"
    )
    return CommandReply(ref, False, "too_soon", text, {"retry_after_s": round(wait_s, 3)})


def _parked(runtime: Runtime, ref: str) -> CommandReply:
    failure = runtime.link.failure
    assert failure is not None
    step = failure.next_step
    data = {"reason": failure.text, "kind": failure.kind.value, "next_step": step}
    return CommandReply(ref, False, "parked", f"{failure.text}. {step}", data)


def _submit(runtime: Runtime, known: Known, command: SubmitMessage, reply_to: Address) -> None:
    """Accept a message once: the same id with the same bytes is answered with what is known of it."""
    policy, ports = runtime.settings.outbox, runtime.ports
    if runtime.store_failure is not None:
        return ports.answer(reply_to, refusal(command.ref, "storage_failed", runtime.store_failure))
    earlier = known(command.message_id)
    if earlier is not None and earlier.data != command.data:
        text = f"message {command.message_id} exists with other content"
        return ports.answer(reply_to, refusal(command.ref, "message_conflict", text))
    if earlier is not None:
        return ports.answer(reply_to, _accepted(command.ref, earlier))
    if outboxes.full(runtime.outbox, policy):
        text = f"{policy.max_messages} messages wait already (outbox.max_messages)"
        return ports.answer(reply_to, refusal(command.ref, "outbox_full", text))
    message = outboxes.accept(command.message_id, command.data, policy, ports.wall_s())
    return runtime.submit(message, Answer(reply_to, _accepted(command.ref, message)))


def _accepted(ref: str, message: OutboxMessage) -> CommandReply:
    data = {"id": message.message_id, "state": message.state.value, "accepted_at": message.accepted_at}
    return CommandReply(ref, True, data=data)
