"""Accounts and their devices, as the server knows them. Device 0 is the phone, 1 and above are companions."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from whatsapp.jid import LID_SERVER, USER_SERVER, Jid
from whatsapp.nodes import Node
from whatsapp.prekey_nodes import PublicPreKey, Upload
from whatsapp.signal_session import PreKeyBundle


@dataclass(slots=True)
class Waiting:
    """A stanza that the device has not answered yet. `link`: the connection it was last written to."""

    number: int
    node: Node = field(repr=False)
    link: int | None = None


@dataclass(slots=True)
class Device:
    """`noise`: by which a login is recognised, empty for the phone. `name`, `kind`: what it said of itself.

    `one_time`: pre-keys by id, each given out once.
    """

    number: int
    noise: bytes
    bundle: PreKeyBundle
    key_index: int = 0
    name: str = ""
    kind: int = 0
    one_time: dict[int, bytes] = field(default_factory=dict, repr=False)
    waiting: dict[int, Waiting] = field(default_factory=dict, repr=False)
    link: int | None = None
    available: bool = False

    def publish(self, upload: Upload) -> None:
        """An upload of the device."""
        self.bundle = upload.bundle
        self.one_time.update((key.id, key.public) for key in upload.pre_keys)

    def take_bundle(self) -> PreKeyBundle:
        """A bundle for one asker, with a one-time key while there are any."""
        if not self.one_time:
            return self.bundle
        key_id = next(iter(self.one_time))
        return replace(self.bundle, pre_key_id=key_id, pre_key=self.one_time.pop(key_id))

    @property
    def published(self) -> tuple[PublicPreKey, ...]:
        return tuple(PublicPreKey(key_id, public) for key_id, public in self.one_time.items())


@dataclass(slots=True)
class Account:
    """`number`, `lid`: the user parts of both addresses. `peers`: numbers of accounts it has written with.

    `names`: of linked devices and phones the push name that others see. `next_device` is never used twice.
    """

    number: str
    lid: str
    name: str = ""
    about: str = ""
    devices: dict[int, Device] = field(default_factory=dict)
    next_device: int = 1
    peers: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)
    tokens: dict[str, bytes] = field(default_factory=dict, repr=False)

    def pn_jid(self, device: int = 0) -> Jid:
        return Jid(self.number, USER_SERVER, device)

    def lid_jid(self, device: int = 0) -> Jid:
        return Jid(self.lid, LID_SERVER, device)

    def jid(self, by_lid: bool, device: int = 0) -> Jid:
        return self.lid_jid(device) if by_lid else self.pn_jid(device)

    def is_address(self, jid: Jid) -> bool:
        plain = jid.without_device
        return plain in (self.pn_jid(), self.lid_jid())

    @property
    def companions(self) -> list[Device]:
        return [device for device in self.devices.values() if device.number]


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """One device of one account."""

    account: Account
    device: Device

    @property
    def key(self) -> str:
        return f"{self.account.number}:{self.device.number}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spot) and self.device is other.device

    def __hash__(self) -> int:
        return hash(self.key)

    def jid(self, by_lid: bool) -> Jid:
        return self.account.jid(by_lid, self.device.number)


class Accounts:
    """Every account, by number and by LID."""

    def __init__(self) -> None:
        self._by_number: dict[str, Account] = {}
        self._by_lid: dict[str, Account] = {}

    def __iter__(self) -> Iterator[Account]:
        return iter(self._by_number.values())

    def add(self, account: Account) -> None:
        self._by_number[account.number] = account
        self._by_lid[account.lid] = account

    def by_number(self, number: str) -> Account | None:
        return self._by_number.get(number)

    def of(self, jid: Jid) -> Account | None:
        """The account of an address, whichever kind and device."""
        plain = jid.without_device
        if plain.server == LID_SERVER:
            return self._by_lid.get(plain.user)
        return self._by_number.get(plain.user) if plain.server == USER_SERVER else None

    def spot(self, jid: Jid) -> Spot | None:
        """The device of an address; without a device number the phone."""
        account = self.of(jid)
        device = None if account is None else account.devices.get(jid.device)
        return None if account is None or device is None else Spot(account, device)

    def spots(self, account: Account, but: Device | None = None) -> list[Spot]:
        """Every device of an account, except one."""
        return [Spot(account, device) for device in account.devices.values() if device is not but]
