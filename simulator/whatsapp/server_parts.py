"""How the parts of the server fit together."""

from simulator.whatsapp.accounts import Account, Spot
from simulator.whatsapp.app_state import AppState
from simulator.whatsapp.code_linking import CodeLinking
from simulator.whatsapp.delivery import Delivery
from simulator.whatsapp.device_lists import DeviceLists
from simulator.whatsapp.group_queries import GroupQueries
from simulator.whatsapp.key_queries import KeyQueries
from simulator.whatsapp.knobs import Knobs
from simulator.whatsapp.linking import Linking
from simulator.whatsapp.messages import Messages
from simulator.whatsapp.phone import Outside
from simulator.whatsapp.phones import Phones
from simulator.whatsapp.presences import Presences
from simulator.whatsapp.published_keys import PublishedKeys
from simulator.whatsapp.queries import Queries
from simulator.whatsapp.receipts import Receipts
from simulator.whatsapp.refusals import Refusals
from simulator.whatsapp.removals import Removals
from simulator.whatsapp.server_core import ServerCore
from simulator.whatsapp.small_queries import SmallQueries
from simulator.whatsapp.stanzas import Stanzas
from simulator.whatsapp.unlinked_queries import UnlinkedQueries
from simulator.whatsapp.user_queries import UserQueries
from whatsapp.errors import LocalProtocolError, ProtocolError
from whatsapp.jid import user_jid
from whatsapp.nodes import Node


class Parts:
    """`certificate_flaw`: what is wrong with the certificates of new connections, a name of `authority.FLAWS`."""

    def __init__(self, core: ServerCore) -> None:
        self.core = core
        self.certificate_flaw: str | None = None
        self.knobs = Knobs(core)
        self.refusals = Refusals(core)
        self.phones = Phones(core)
        self.delivery = Delivery(core, self.phones)
        self.keys = PublishedKeys(core, self.delivery, self.phones)
        self.lists = DeviceLists(core, self.phones, self.delivery)
        self.linking = Linking(core, self.phones, self.lists)
        self.removals = Removals(core, self.delivery, self.lists)
        self.codes = CodeLinking(core, self.phones, self.linking)
        self.unlinked_queries = UnlinkedQueries(self.codes)
        self.groups = GroupQueries(core, self.delivery)
        self.app_state = AppState(core, self.delivery)
        small = SmallQueries(core, self.delivery)
        answerers = {
            **small.answerers,
            "encrypt": KeyQueries(core, self.keys).answer,
            "usync": UserQueries(core, self.lists).answer,
            "w:g2": self.groups.answer,
            "md": self.removals.answer,
            "w:sync:app:state": self.app_state.answer,
        }
        self.stanzas = Stanzas(
            core,
            self.delivery,
            self.knobs,
            Messages(core, self.delivery, self.knobs),
            Receipts(core, self.delivery),
            Presences(core, self.delivery),
            Queries(core, self.knobs, answerers),
        )
        self.outside = Outside(self._from_phone, self.keys.take)

    def new_account(self, number: str, name: str, lid: str = "") -> Account:
        """An account and its phone. ValueError for a number that is none, or is taken by another."""
        try:
            number = user_jid(number).user
        except LocalProtocolError as error:
            raise ValueError(str(error)) from None
        lid = lid or self._new_lid()
        account = Account(number, lid, name, about="Hey there!")
        self.core.accounts.add(account)
        self.core.save_account(account)
        self._equip(account)
        return account

    def renew_phone(self, account: Account) -> None:
        """A new identity; whoever has written with the account is told (protocol §18)."""
        self.keys.drop_one_time(Spot(account, account.devices[0]))
        self.delivery.forget(account, account.devices[0])
        self.phones.of(account).phone.erase()
        self._equip(account)
        for number in sorted(account.peers):
            peer = self.core.accounts.by_number(number)
            for spot in [] if peer is None else self.core.accounts.spots(peer):
                self.delivery.deliver(spot, self._identity_changed(account))

    def _identity_changed(self, account: Account) -> Node:
        return Node.make(
            "notification",
            (Node("identity"),),
            from_=account.pn_jid(),
            lid=account.lid_jid(),
            type="encrypt",
            id=self.core.next_id(),
            t=self.core.now,
        )

    def _equip(self, account: Account) -> None:
        """A phone out of the box, with published keys."""
        self.phones.add(account, self.outside)
        spot = Spot(account, account.devices[0])
        self.core.save_device(spot)
        for key_id, public in spot.device.one_time.items():
            self.core.journal.put(f"key:{spot.key}", str(key_id), public)

    def _new_lid(self) -> str:
        """15 digits that tell nothing of the number."""
        return str(10**14 + int.from_bytes(self.core.rng(8), "big") % (9 * 10**14))

    def _from_phone(self, spot: Spot, node: Node) -> None:
        """What a phone sends takes its turn behind what is being done."""

        def take() -> None:
            self.core.observed.note(self.core.wall_s(), spot.key, False, node)
            try:
                self.stanzas.take(spot, node, lambda answer: None)
            except ProtocolError as error:
                self.core.observed.complain(spot.key, f"<{node.tag}>: {error}")

        self.core.later(take)
