"""Groups as the server knows them."""

import json
from dataclasses import asdict, dataclass, field

from whatsapp.jid import GROUP_SERVER, Jid

ADMIN, SUPERADMIN, MEMBER = "admin", "superadmin", ""


@dataclass(slots=True)
class Group:
    """`members`: number of each account → its role. `by_lid`: how stanzas name them. Times: epoch seconds."""

    id: str
    subject: str
    creator: str
    created_at: int
    members: dict[str, str] = field(default_factory=dict)
    by_lid: bool = True
    description: str = ""
    announcement: bool = False
    locked: bool = False

    @property
    def jid(self) -> Jid:
        return Jid(self.id, GROUP_SERVER)

    @property
    def addressing_mode(self) -> str:
        return "lid" if self.by_lid else "pn"

    def is_admin(self, number: str) -> bool:
        return self.members.get(number) in (ADMIN, SUPERADMIN)

    def pack(self) -> bytes:
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def unpack(cls, data: bytes) -> "Group":
        return cls(**json.loads(data))
