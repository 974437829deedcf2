"""Addresses (protocol §6): `user@server`, `user:device@server`, or a server alone.

Device 0 is the phone and is never written. PN = phone number address, LID = hidden user id.
"""

import re
from dataclasses import dataclass, replace

from whatsapp.errors import LocalProtocolError, NodeError

USER_SERVER = "s.whatsapp.net"
LID_SERVER = "lid"
HOSTED_SERVER = "hosted"
HOSTED_LID_SERVER = "hosted.lid"
GROUP_SERVER = "g.us"
BROADCAST_SERVER = "broadcast"
NEWSLETTER_SERVER = "newsletter"
BOT_SERVER = "bot"
LEGACY_SERVER = "c.us"
MESSENGER_SERVER = "msgr"
INTEROP_SERVER = "interop"

DOMAIN_BYTES = {USER_SERVER: 0, LID_SERVER: 1, HOSTED_SERVER: 128, HOSTED_LID_SERVER: 129}
DOMAIN_SERVERS = {byte: server for server, byte in DOMAIN_BYTES.items()}
HOSTED_DEVICE = 99
MAX_DEVICE = 0xFFFF
MAX_USER_CHARS = 100  # with MAX_SERVER_CHARS: two addresses always fit a state key
MAX_SERVER_CHARS = 24
BOT_NUMBER = re.compile(r"1313555\d{4}|131655500\d{2}")


@dataclass(frozen=True, slots=True, order=True)
class Jid:
    """One address. `device`: 0 = phone or none; `integrator`: only on the interop server."""

    user: str
    server: str
    device: int = 0
    integrator: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.device <= MAX_DEVICE and 0 <= self.integrator <= MAX_DEVICE):
            raise LocalProtocolError(f"device {self.device} of an address, allowed are 0 to {MAX_DEVICE}")
        if len(self.user) > MAX_USER_CHARS or not 0 < len(self.server) <= MAX_SERVER_CHARS:
            raise NodeError(f"address of {len(self.user)} + {len(self.server)} characters")

    def __str__(self) -> str:
        device = f":{self.device}" if self.device else ""
        return f"{self.user}{device}@{self.server}"

    @classmethod
    def parse(cls, text: str) -> "Jid":
        """From `user[.agent][:device]@server`; a text without @ is a server alone. NodeError for anything else."""
        user, at, server = text.rpartition("@")
        if not server or "@" in user:
            raise NodeError(f"address of {len(text)} characters without a server")
        if not at or server not in DOMAIN_BYTES:
            return cls(user, server)
        user, colon, device = user.partition(":")
        user = user.partition(".")[0]
        if not colon:
            return cls(user, server)
        if not (device.isascii() and device.isdigit() and len(device) <= 5 and int(device) <= MAX_DEVICE):
            raise NodeError(f"address with a device that is not a number from 0 to {MAX_DEVICE}")
        return cls(user, server, int(device))

    @property
    def without_device(self) -> "Jid":
        """The user of this device; hosted servers are aliases of the two user servers."""
        server = {HOSTED_SERVER: USER_SERVER, HOSTED_LID_SERVER: LID_SERVER}.get(self.server, self.server)
        return Jid(self.user, server)

    def with_device(self, device: int) -> "Jid":
        """The same user's device number `device`."""
        return replace(self, device=device)

    @property
    def is_pn(self) -> bool:
        return self.server in (USER_SERVER, HOSTED_SERVER)

    @property
    def is_lid(self) -> bool:
        return self.server in (LID_SERVER, HOSTED_LID_SERVER)

    @property
    def is_user(self) -> bool:
        """A person's address, of whichever kind."""
        return self.server in DOMAIN_BYTES and bool(self.user)

    @property
    def is_group(self) -> bool:
        return self.server == GROUP_SERVER

    @property
    def is_broadcast(self) -> bool:
        return self.server == BROADCAST_SERVER

    @property
    def is_newsletter(self) -> bool:
        return self.server == NEWSLETTER_SERVER

    @property
    def is_hosted(self) -> bool:
        return self.server in (HOSTED_SERVER, HOSTED_LID_SERVER)

    @property
    def is_bot(self) -> bool:
        return self.server == BOT_SERVER or (
            self.server == USER_SERVER and BOT_NUMBER.fullmatch(self.user) is not None
        )

    @property
    def signal_address(self) -> str:
        """The key of this device's Signal session: `name.device`, name = user or user_domain.

        NodeError for a user part that could be mistaken for another address.
        """
        return f"{self.signal_name}.{self.device}"

    @property
    def signal_name(self) -> str:
        """The part of the Signal address that all devices of this user share."""
        if not self.user.isalnum():
            raise NodeError(f"the user part of a {self.server} address is not a number")
        domain = DOMAIN_BYTES.get(self.server, 0)
        return f"{self.user}_{domain}" if domain else self.user

    @property
    def ad_string(self) -> str:
        """The form that device hashes are made of: `user.0:device@server`."""
        return f"{self.user}.0:{self.device}@{self.server}"


SERVER = Jid("", USER_SERVER)
STATUS_BROADCAST = Jid("status", BROADCAST_SERVER)


def user_jid(phone: str) -> Jid:
    """The address of a phone number given with or without +, spaces, dashes and brackets.

    LocalProtocolError for anything but 7 to 15 digits (E.164) without a leading zero.
    """
    digits = re.sub(r"[\s+().-]", "", phone)
    if not (digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15 and digits[0] != "0"):
        raise LocalProtocolError("phone number: 7 to 15 digits, international, without a leading zero")
    return Jid(digits, USER_SERVER)
