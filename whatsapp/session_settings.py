"""What a session is configured with. Nothing here is secret."""

from dataclasses import dataclass

from whatsapp import wire_pb2 as wire
from whatsapp.certificates import WHATSAPP_ROOT_KEY
from whatsapp.errors import LocalProtocolError
from whatsapp.prekeys import FIRST_UPLOAD

URL = "wss://web.whatsapp.com/ws/chat"
ORIGIN = "https://web.whatsapp.com"
DEFAULT_REVISION = 1_047_769_893
MAX_REVISION = 2**32 - 1  # its field on the wire has 32 bits


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """`revision`: the last part of version 2.3000.x; the server refuses old ones (protocol §21).

    `os_name`: what the phone lists under linked devices. `client_type` and `client_display`: the kind of client told
    when linking (protocol §7.1, §7.2). `available`: tell others that we are online, which silences the phone's own
    notifications. `root_key`: of the server's certificates. `first_upload`: one-time pre-keys of the first upload.
    LocalProtocolError for a revision that no client can have.
    """

    url: str = URL
    origin: str = ORIGIN
    proxy: str | None = None
    ca_file: str | None = None
    revision: int = DEFAULT_REVISION
    os_name: str = "Sambung"
    platform: wire.DeviceProps.PlatformType = wire.DeviceProps.CHROME
    client_type: str = "1"
    client_display: str = "Chrome (Linux)"
    push_name: str = ""
    available: bool = False
    root_key: bytes = WHATSAPP_ROOT_KEY
    first_upload: int = FIRST_UPLOAD
    query_timeout_s: float = 60.0
    ack_timeout_s: float = 75.0

    def __post_init__(self) -> None:
        # Found here and not in the first connection, where it would look like a damaged account.
        if not 1 <= self.revision <= MAX_REVISION:
            raise LocalProtocolError(
                f"SessionSettings.revision is {self.revision}, allowed are 1 to {MAX_REVISION}"
            )

    @property
    def version(self) -> str:
        """As text, the way the build hash is made of it."""
        return f"2.3000.{self.revision}"
