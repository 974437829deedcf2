"""What the control API shows, as JSON."""

from typing import Any

from simulator.whatsapp.accounts import Account, Spot
from simulator.whatsapp.groups import Group
from simulator.whatsapp.link import Link
from simulator.whatsapp.observing import outline
from simulator.whatsapp.server import Server


def server_view(server: Server) -> dict[str, Any]:
    """The server as a whole."""
    observed = server.core.observed
    return {
        "root_key": server.root_key.hex(),
        "accounts": [account.number for account in server.people()],
        "groups": [str(group) for group in server.core.groups],
        "counts": dict(sorted(observed.counts.items())),
        "complaints": len(observed.complaints),
    }


def account_view(server: Server, account: Account) -> dict[str, Any]:
    """One account and its devices."""
    return {
        "number": account.number,
        "jid": str(account.pn_jid()),
        "lid": str(account.lid_jid()),
        "name": account.name,
        "devices": [device_view(server, spot) for spot in server.core.accounts.spots(account)],
    }


def device_view(server: Server, spot: Spot) -> dict[str, Any]:
    """`waiting`: stanzas that it has not answered; `link`: its connection, None while it is away."""
    device = spot.device
    return {
        "number": device.number,
        "jid": str(spot.jid(False)),
        "lid": str(spot.jid(True)),
        "name": device.name,
        "key_index": device.key_index,
        "one_time_keys": len(device.one_time),
        "waiting": len(device.waiting),
        "online": server.core.online(spot),
        "available": device.available,
        "link": device.link,
    }


def group_view(group: Group) -> dict[str, Any]:
    """`members`: number → role, empty for ordinary ones."""
    return {
        "jid": str(group.jid),
        "subject": group.subject,
        "by_lid": group.by_lid,
        "members": dict(group.members),
    }


def link_view(link: Link) -> dict[str, Any]:
    """One connection. `revision`: what the client said of its version."""
    return {
        "number": link.number,
        "stage": link.stage.name.lower(),
        "who": link.who,
        "revision": link.payload.user_agent.app_version.tertiary,
    }


def stanza_views(server: Server) -> list[dict[str, Any]]:
    """What was seen lately, without contents."""
    return [
        {"at": seen.at_s, "who": seen.who, "outward": seen.outward, "stanza": outline(seen.node)}
        for seen in server.core.observed.seen
    ]
