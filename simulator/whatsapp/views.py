"""What the control API shows, as JSON."""

from typing import Any

from simulator.whatsapp.accounts import Account, Spot
from simulator.whatsapp.observing import outline
from simulator.whatsapp.server import Server
from simulator.whatsapp.service import Service


def server_view(service: Service) -> dict[str, Any]:
    """The server as a whole."""
    observed = service.server.core.observed
    return {
        "url": service.url,
        "root_key": service.server.root_key.hex(),
        "accounts": [account.number for account in service.server.people()],
        "groups": [str(group) for group in service.server.core.groups],
        "counts": dict(sorted(observed.counts.items())),
        "complaints": len(observed.complaints),
        "errors": service.errors,
    }


def account_view(service: Service, account: Account) -> dict[str, Any]:
    """One account and its devices."""
    core = service.server.core
    return {
        "number": account.number,
        "jid": str(account.pn_jid()),
        "lid": str(account.lid_jid()),
        "name": account.name,
        "devices": [
            {
                "number": spot.device.number,
                "jid": str(spot.jid(False)),
                "lid": str(spot.jid(True)),
                "name": spot.device.name,
                "key_index": spot.device.key_index,
                "one_time_keys": len(spot.device.one_time),
                "waiting": len(spot.device.waiting),
                "online": core.online(Spot(account, spot.device)),
                "available": spot.device.available,
            }
            for spot in core.accounts.spots(account)
        ],
    }


def stanza_views(server: Server) -> list[dict[str, Any]]:
    """What was seen lately, without contents."""
    return [
        {"at": seen.at_s, "who": seen.who, "outward": seen.outward, "stanza": outline(seen.node)}
        for seen in server.core.observed.seen
    ]
