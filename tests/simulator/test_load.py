"""Many connections at once."""

import asyncio
import json
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from simulator.client import Listener

DEADLINE_S = 30.0
INSTANCES = 500
EVENTS = 4


async def _connected(upstream: Listener) -> list[ClientConnection]:
    # In portions: this test's own loop would else let handshakes time out.
    clients: list[ClientConnection] = []
    for start in range(0, INSTANCES, 100):
        dials = [connect(upstream.url_of(f"i{n}"), ping_interval=None) for n in range(start, start + 100)]
        clients += await asyncio.gather(*dials)
    return clients


async def _received(client: ClientConnection) -> list[int]:
    ids = []
    for _ in range(EVENTS):
        event: dict[str, Any] = json.loads(await client.recv())
        ids.append(event["id"])
        await client.send(json.dumps({"ack": event["id"]}))
    return ids


async def _run(upstream: Listener) -> list[list[int]]:
    async with asyncio.timeout(DEADLINE_S):
        clients = await _connected(upstream)
        upstream.push(rate_per_s=EVENTS, count=EVENTS)
        ids = await asyncio.gather(*(_received(client) for client in clients))
        for client in clients:
            client.transport.abort()
        return ids


def test_five_hundred_connections_get_two_thousand_events_and_acknowledge_them(upstream: Listener) -> None:
    assert asyncio.run(_run(upstream)) == [list(range(1, EVENTS + 1))] * INSTANCES
    assert upstream.wait_totals(lambda seen: seen.sockets_now == 0, DEADLINE_S).instances == {}
    stats = upstream.stats()
    assert (stats.dials, stats.opened, stats.open_max, stats.sent) == (INSTANCES, INSTANCES, INSTANCES, 2000)
    assert {each.acknowledged for each in stats.instances.values()} == {EVENTS}
    assert {each.sockets_max for each in stats.instances.values()} == {1}
