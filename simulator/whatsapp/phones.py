"""The phones of all accounts."""

from simulator.whatsapp.accounts import Account, Device
from simulator.whatsapp.phone import Habits, Outside, Phone
from simulator.whatsapp.phone_receiving import PhoneReceiving
from simulator.whatsapp.phone_sending import PhoneSending
from simulator.whatsapp.server_core import ServerCore
from whatsapp.nodes import Node
from whatsapp.state import MemoryState


class Handset:
    """A phone and what its parts do."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.sending = PhoneSending(phone)
        self._receiving = PhoneReceiving(phone, self.sending)

    @property
    def switched_on(self) -> bool:
        return self.phone.switched_on

    @property
    def habits(self) -> Habits:
        return self.phone.habits

    def take(self, node: Node) -> None:
        """A stanza for the phone."""
        self._receiving.take(node)


class Phones:
    """By the number of the account."""

    def __init__(self, core: ServerCore) -> None:
        self._core = core
        self._phones: dict[str, Handset] = {}

    def of(self, account: Account) -> Handset:
        return self._phones[account.number]

    def add(self, account: Account, outside: Outside) -> Handset:
        """A new phone for a new account, whose device 0 it becomes."""
        phone = Phone(self._core, account, outside, Phone.first_state(self._core))
        phone.save_all()
        upload = phone.new_keys()
        account.devices[0] = Device(0, b"", upload.bundle)
        account.devices[0].publish(upload)
        self._phones[account.number] = made = Handset(phone)
        return made

    def restore(self, account: Account, outside: Outside, state: MemoryState) -> None:
        """From stored rows."""
        self._phones[account.number] = Handset(Phone(self._core, account, outside, state))
