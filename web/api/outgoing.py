"""Messages out: accepted durably (202), then sent by the instance's outbox when its link is open."""

import secrets
from collections.abc import Iterator
from typing import Any

from core import payload
from core.instances import valid_id
from core.messages import SubmitMessage
from core.records import MessageState
from store.packing import pack
from store.rows import MessageView
from web.answer import Answer, page, rfc3339, shown_times, success
from web.api import instances, paging
from web.api.models import MessageBody, Problem, checked
from web.call import Call
from web.errors import ApiError, invalid
from web.site import Site

STATES = tuple(state.value for state in MessageState)


def submit(site: Site, call: Call) -> Answer:
    """202 once the message is durable. With an `id` of the client's, asking again sends nothing twice."""
    settings = site.settings.now
    one = instances.known(site, call.params["instance_id"])
    encoded: list[bytes] = []

    def content_problems(body: MessageBody) -> Iterator[Problem]:
        try:
            encoded.append(payload.encode(one.config.payload, body.content, pack))
        except payload.InvalidContent as error:
            yield "content", str(error)

    body = checked(MessageBody, call.json_body(settings.http.max_body_bytes), content_problems)
    message_id, (data,) = body.id or f"m-{secrets.token_hex(12)}", encoded
    if len(data) > settings.outbox.max_message_bytes:
        limit = settings.outbox.max_message_bytes
        raise ApiError(
            "message_too_large", f"The message is larger than {limit} bytes (outbox.max_message_bytes)"
        )
    reply = site.command(lambda ref: SubmitMessage(ref, one.instance_id, message_id, data))
    answer: dict[str, Any] = {"id": message_id, "state": MessageState.ACCEPTED.value}
    return success(answer | shown_times(reply.data) | {"id": message_id}, status=202)


def list_messages(site: Site, call: Call) -> Answer:
    """Newest first; filter: state."""
    instance_id = instances.known(site, call.params["instance_id"]).instance_id
    query = paging.checked_query(call, "state")
    state = query.filters.get("state")
    if state is not None and state not in STATES:
        raise invalid(("state", f"must be one of {', '.join(STATES)}"))
    wanted = None if state is None else MessageState(state)
    found = site.history.messages(instance_id, wanted, query.after, query.limit)
    return page([shown(message) for message in found.items], found.next, found.total)


def show(site: Site, call: Call) -> Answer:
    instance_id = instances.known(site, call.params["instance_id"]).instance_id
    message_id = call.params["message_id"]
    message = site.history.message(instance_id, message_id) if valid_id(message_id) else None
    if message is None:
        raise ApiError("message_not_found", f"Message {message_id} of instance {instance_id} not found")
    return success(shown(message))


def shown(message: MessageView) -> dict[str, Any]:
    """A message as the API shows it; its content stays in the store."""
    return {
        "id": message.message_id,
        "state": message.state.value,
        "accepted_at": rfc3339(message.accepted_at),
        "expires_at": rfc3339(message.expires_at),
        "finished_at": rfc3339(message.finished_at),
        "tries": message.tries,
        "error": message.error,
        "size_bytes": message.size_bytes,
    }
