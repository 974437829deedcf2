"""Commands beside sending messages (`core.protocol.Invoke`), by name:

pairing_code  phone                       → code            before the link
logout                                                      unlinks this device
read          chat, ids, [sender], [private]                tell that messages were read; private: our own devices alone
typing        to, state: composing | recording | paused
presence      available: true | false
group         group                       → the group
groups                                    → groups
on_whatsapp   phones                      → users
account                                   → who we are
"""

from collections.abc import Callable, Mapping
from typing import Any

from core.protocol import Invoke
from whatsapp import acknowledgements
from whatsapp.code_linking import CodeLinking
from whatsapp.commands import MAX_NAME_CHARS, parse_recipient, parse_user, string
from whatsapp.directory import Directory
from whatsapp.errors import LocalProtocolError
from whatsapp.groups import Group, Groups
from whatsapp.jid import Jid
from whatsapp.login import Login
from whatsapp.message_source import MAX_ID_CHARS
from whatsapp.nodes import Node
from whatsapp.queries import Answer, QueryFailure
from whatsapp.session_core import SessionCore
from whatsapp.turn import Turn
from whatsapp.usync import UserInfo

MAX_IDS = 1000
MAX_PHONES = 500
_OFFLINE = frozenset({"pairing_code", "account"})


class Requests:
    """Each is answered by one Reply."""

    def __init__(
        self,
        core: SessionCore,
        login: Login,
        code_linking: CodeLinking,
        directory: Directory,
        groups: Groups,
        erase: Callable[[Turn, str], None],
    ) -> None:
        self._core = core
        self._login = login
        self._code_linking = code_linking
        self._directory = directory
        self._groups = groups
        self._erase = erase
        self._known: dict[str, Callable[[Turn, str, Mapping[str, Any]], None]] = {
            "pairing_code": self._pairing_code,
            "logout": self._logout,
            "read": self._read,
            "typing": self._typing,
            "presence": self._presence,
            "group": self._group,
            "groups": self._all_groups,
            "on_whatsapp": self._on_whatsapp,
            "account": self._account,
        }

    def invoke(self, turn: Turn, command: Invoke) -> None:
        """LocalProtocolError for arguments that cannot be."""
        act = self._known.get(command.name)
        if act is None:
            raise LocalProtocolError(f"there is no such command; known are {', '.join(self._known)}")
        if not self._core.online and command.name not in _OFFLINE:
            turn.reply(command.ref, "the session is not open", retry=True)
            return
        act(turn, command.ref, command.arguments)

    def _pairing_code(self, turn: Turn, ref: str, arguments: Mapping[str, Any]) -> None:
        if self._core.stored_account is not None and self._core.account.linked:
            raise LocalProtocolError("this device is linked already: log out first")
        self._code_linking.request(turn, ref, string(arguments.get("phone"), "phone", 40))

    def _logout(self, turn: Turn, ref: str, arguments: Mapping[str, Any]) -> None:
        def answered(turn: Turn, answer: Answer) -> None:
            if isinstance(answer, QueryFailure):
                turn.reply(ref, answer.text, retry=answer.retry)
            else:
                turn.reply(ref)
                self._erase(turn, "logged out on request")

        own = self._core.account.own_jid
        remove = Node.make("remove-companion-device", jid=own, reason="user_initiated")
        self._core.ask(turn, "md", "set", (remove,), answered)

    def _read(self, turn: Turn, ref: str, arguments: Mapping[str, Any]) -> None:
        chat, ids = parse_recipient(arguments.get("chat")), arguments.get("ids")
        if not isinstance(ids, list) or not 1 <= len(ids) <= MAX_IDS:
            raise LocalProtocolError(f"ids must be a list of 1 to {MAX_IDS} message ids")
        sender = arguments.get("sender")
        if chat.is_group and sender is None:
            raise LocalProtocolError("sender must be the author of the messages, because this is a group")
        participant = parse_user(sender, "sender") if chat.is_group else None
        private = arguments.get("private", False)
        if not isinstance(private, bool):
            raise LocalProtocolError("private must be true or false")
        checked = [string(one, "ids", MAX_ID_CHARS) for one in ids]
        kind = "read-self" if private else "read"
        turn.send(acknowledgements.read_receipt(chat, participant, checked, self._core.wall_s(), kind))
        turn.reply(ref)

    def _typing(self, turn: Turn, ref: str, arguments: Mapping[str, Any]) -> None:
        to, state = parse_recipient(arguments.get("to")), arguments.get("state", "composing")
        if state not in ("composing", "recording", "paused"):
            raise LocalProtocolError("state must be composing, recording or paused")
        child = Node.make("composing", media="audio") if state == "recording" else Node(str(state))
        turn.send(Node("chatstate", {"from": self._core.account.main, "to": to}, (child,)))
        turn.reply(ref)

    def _presence(self, turn: Turn, ref: str, arguments: Mapping[str, Any]) -> None:
        available = arguments.get("available")
        if not isinstance(available, bool):
            raise LocalProtocolError("available must be true or false")
        self._core.available = available
        self._login.announce(turn)
        turn.reply(ref)

    def _group(self, turn: Turn, ref: str, arguments: Mapping[str, Any]) -> None:
        jid = parse_recipient(arguments.get("group"))
        if not jid.is_group:
            raise LocalProtocolError("group must be the address of a group")

        def found(turn: Turn, group: Group | QueryFailure) -> None:
            if isinstance(group, QueryFailure):
                turn.reply(ref, group.text, retry=group.retry)
            else:
                turn.reply(ref, **group.to_json())

        self._groups.find(turn, jid, found)

    def _all_groups(self, turn: Turn, ref: str, arguments: Mapping[str, Any]) -> None:
        def found(turn: Turn, groups: list[Group] | QueryFailure) -> None:
            if isinstance(groups, QueryFailure):
                turn.reply(ref, groups.text, retry=groups.retry)
            else:
                turn.reply(ref, groups=[group.to_json() for group in groups])

        self._groups.all(turn, found)

    def _on_whatsapp(self, turn: Turn, ref: str, arguments: Mapping[str, Any]) -> None:
        phones = arguments.get("phones")
        if not isinstance(phones, list) or not 1 <= len(phones) <= MAX_PHONES:
            raise LocalProtocolError(f"phones must be a list of 1 to {MAX_PHONES} phone numbers")
        users = [parse_user(string(one, "phones", MAX_NAME_CHARS), "phones") for one in phones]

        def found(turn: Turn, infos: list[UserInfo] | QueryFailure) -> None:
            if isinstance(infos, QueryFailure):
                turn.reply(ref, infos.text, retry=infos.retry)
            else:
                turn.reply(ref, users=[_user_json(info) for info in infos])

        self._directory.on_whatsapp(turn, users, found)

    def _account(self, turn: Turn, ref: str, arguments: Mapping[str, Any]) -> None:
        account = self._core.stored_account
        jid: Jid | None = None if account is None else account.jid
        lid = None if account is None else account.lid
        turn.reply(
            ref,
            linked=account is not None and account.linked,
            jid=None if jid is None else str(jid),
            lid=None if lid is None else str(lid),
            platform="" if account is None else account.platform,
            push_name="" if account is None else account.push_name,
            business_name="" if account is None else account.business_name,
            clock_offset_s=self._core.clock_offset_s,
        )


def _user_json(info: UserInfo) -> dict[str, Any]:
    lid = None if info.lid is None else str(info.lid)
    return {"jid": str(info.jid), "lid": lid, "registered": bool(info.registered)}
