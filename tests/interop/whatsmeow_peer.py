"""Runs whatsmeow, which neonize's Go library holds: JSON lines in on stdin, JSON lines out on stdout.

    python whatsmeow_peer.py FOLDER STORE       FOLDER holds a copy of the neonize package, pointed to loopback
    → {"id": 1, "do": "send", "to": "6281…@s.whatsapp.net", "text": "…"}
    ← {"id": 1, "result": …} or {"id": 1, "error": "…"}; {"event": "qr", "data": "…"}

It runs in the peer's own environment and knows nothing of this repository.
"""

import json
import os
import sys
import threading

FOLDER, STORE = sys.argv[1:3]
sys.path.insert(0, FOLDER)

# Go writes to the real stdout: lines of ours go to a copy, everything else to stderr.
_lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
_writing = threading.Lock()


def put(line):
    with _writing:
        _lines.write(json.dumps(line) + "\n")
        _lines.flush()


import neonize.client as neonize  # noqa: E402
from neonize.events import (  # noqa: E402  # noqa: E402
    ConnectedEv,
    DisconnectedEv,
    LoggedOutEv,
    MessageEv,
    PairStatusEv,
    ReceiptEv,
    StreamReplacedEv,
    UndecryptableMessageEv,
)
from neonize.utils.jid import Jid2String, build_jid  # noqa: E402

client = neonize.NewClient(STORE)


def told(name, make):
    def handler(_, event):
        put({"event": name, "data": make(event)})

    return handler


def message(event):
    source = event.Info.MessageSource
    content = event.Message
    return {
        "id": event.Info.ID,
        "chat": Jid2String(source.Chat),
        "sender": Jid2String(source.Sender),
        "from_me": source.IsFromMe,
        "text": content.conversation or content.extendedTextMessage.text,
        "push_name": event.Info.Pushname,
    }


client.event.qr(lambda _, data: put({"event": "qr", "data": data.decode()}))
client.event(ConnectedEv)(told("connected", lambda event: None))
client.event(PairStatusEv)(told("paired", lambda event: {"jid": Jid2String(event.ID), "error": event.Error}))
client.event(LoggedOutEv)(told("logged_out", lambda event: None))
client.event(DisconnectedEv)(told("disconnected", lambda event: None))
client.event(StreamReplacedEv)(told("replaced", lambda event: None))
client.event(MessageEv)(told("message", message))
client.event(ReceiptEv)(
    told("receipt", lambda event: {"ids": list(event.MessageIDs), "type": int(event.Type)})
)
client.event(UndecryptableMessageEv)(told("undecryptable", lambda event: {"id": event.Info.ID}))


def address(text):
    user, _, server = text.partition("@")
    return build_jid(user, server)


def act(line):
    match line["do"]:
        case "start":
            threading.Thread(target=client.connect, daemon=True).start()
        case "send":
            return client.send_message(address(line["to"]), line["text"]).ID
        case "pairing_code":
            return client.PairPhone(line["phone"], True)
        case other:
            raise ValueError(f"there is no {other}")
    return None


def take(text):
    line = json.loads(text)
    try:
        put({"id": line["id"], "result": act(line)})
    except Exception as error:
        put({"id": line["id"], "error": f"{type(error).__name__}: {error}"})


put({"event": "ready"})
for given in sys.stdin:
    threading.Thread(target=take, args=(given,), daemon=True).start()
os._exit(0)
