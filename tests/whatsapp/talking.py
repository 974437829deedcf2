"""Who talks to whom in the tests of the session: what they write, and what was heard of them."""

import json

from tests.whatsapp.scripted_client import Client
from whatsapp.jid import SERVER, Jid
from whatsapp.nodes import Node

ANNA, BUDI, CITRA = "6281100001", "6281100002", "6281100003"
BUDI_PN, BUDI_LID = Jid(BUDI, "s.whatsapp.net"), Jid(f"9000{BUDI}", "lid")
GROUP = Jid("120363000000000001", "g.us")


def content(to: str, text: str = "halo", **more: object) -> bytes:
    return json.dumps({"to": to, "text": text, **more}).encode()


def stanzas(client: Client, tag: str = "message") -> list[Node]:
    own = client.connection.device.jid
    return [node for jid, node in client.server.heard if jid == own and node.tag == tag]


def notify(client: Client, kind: str, *children: Node, **attrs: object) -> None:
    base = {"type": kind, "id": "n1", "from": SERVER}
    client.connection.send(Node("notification", {**base, **attrs}, children))
    client.server.run()
