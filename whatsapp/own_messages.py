"""Protocol messages that only our own account may send us (protocol §17): history, mappings, keys."""

import re

from whatsapp import contact_tokens, lid_map
from whatsapp import message_pb2 as wa
from whatsapp.errors import MessageFormatError, NodeError
from whatsapp.inflate import inflate
from whatsapp.jid import LID_SERVER, SERVER, USER_SERVER, Jid
from whatsapp.message_media import descriptor
from whatsapp.nodes import Node
from whatsapp.protobufs import parse
from whatsapp.session_core import SessionCore
from whatsapp.turn import Turn

MAX_MAPPINGS = 20_000
_USER = re.compile(r"[0-9]{1,20}")
OWN_ONLY = frozenset(
    {
        wa.ProtocolMessage.HISTORY_SYNC_NOTIFICATION,
        wa.ProtocolMessage.APP_STATE_SYNC_KEY_SHARE,
        wa.ProtocolMessage.LID_MIGRATION_MAPPING_SYNC,
    }
)


def is_own_only(message: wa.Message) -> bool:
    """Whether this is believed only when it comes from our own account."""
    return message.HasField("protocol_message") and message.protocol_message.type in OWN_ONLY


def take(turn: Turn, core: SessionCore, message: wa.Message, message_id: str) -> None:
    """Use what our phone told. MessageFormatError for a payload that cannot be read."""
    protocol = message.protocol_message
    match protocol.type:
        case wa.ProtocolMessage.HISTORY_SYNC_NOTIFICATION:
            _take_history(turn, core, protocol.history_sync_notification, message_id)
        case wa.ProtocolMessage.LID_MIGRATION_MAPPING_SYNC:
            packed = protocol.lid_migration_mapping_sync.encoded_mapping_payload
            payload = parse(wa.LidMigrationMappingPayload, packed)
            lid_map.learn_all(
                turn.tx,
                (
                    (Jid(str(one.pn), USER_SERVER), Jid(str(one.latest_lid or one.assigned_lid), LID_SERVER))
                    for one in payload.pn_to_lid_mappings[:MAX_MAPPINGS]
                    if one.pn and (one.latest_lid or one.assigned_lid)
                ),
            )
        case _:
            pass  # keys of the app state, which this version does not read


def _take_history(turn: Turn, core: SessionCore, notice: wa.HistorySyncNotification, message_id: str) -> None:
    own = core.account.own_jid.without_device
    turn.send(Node.make("receipt", id=message_id, to=own, type="hist_sync"))
    turn.emit(
        "history.received",
        sync_type=notice.sync_type,
        chunk=notice.chunk_order,
        progress=notice.progress,
        media=descriptor(notice) if notice.HasField("direct_path") else None,
    )
    if notice.initial_hist_bootstrap_inline_payload:
        history = parse(wa.HistorySync, inflate(notice.initial_hist_bootstrap_inline_payload))
        take_history(turn, history)


def take_history(turn: Turn, history: wa.HistorySync) -> None:
    """What a history holds that sending needs: who is who, tokens, the salt."""
    mappings = history.phone_number_to_lid_mappings[:MAX_MAPPINGS]
    pairs = ((_user_jid(one.pn_jid), _user_jid(one.lid_jid)) for one in mappings)
    lid_map.learn_all(turn.tx, ((pn, lid) for pn, lid in pairs if pn is not None and lid is not None))
    for chat in history.conversations[:MAX_MAPPINGS]:
        contact = _user_jid(chat.id)
        if contact is not None and chat.tc_token:
            contact_tokens.store_token(turn.tx, contact, chat.tc_token, chat.tc_token_timestamp)
    contact_tokens.store_salt(turn.tx, history.nct_salt)


def _user_jid(text: str) -> Jid | None:
    try:
        jid = Jid.parse(text)
    except (NodeError, MessageFormatError):
        return None
    return jid if jid.is_user and jid != SERVER and _USER.fullmatch(jid.user) else None
