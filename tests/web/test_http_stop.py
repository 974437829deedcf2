"""Stopping: what has arrived is answered, nothing new is accepted."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from core import messages as m
from tests.web.conftest import DEADLINE_S, Live, eventually
from tests.web.fakes import done, snapshot


def test_requests_under_way_and_waiting_for_a_worker_are_answered() -> None:
    live = Live()
    live.start()
    live.put(snapshot("a"))
    workers = live.site.settings.now.http.threads
    lanes = live.site.commands  # as wide as the pool: here commands are to hold every worker
    lanes._all.limit = lanes._each = workers
    held: list[Any] = []

    def hold(command: Any) -> None:
        held.append(command)

    live.root.hooks[m.ForceRetry] = hold

    def ask(_number: int) -> int:
        url = f"{live.server.places[0].url}/force-retry/a"
        return httpx.post(url, headers=live.auth(), timeout=DEADLINE_S, verify=False).status_code

    with ThreadPoolExecutor(workers + 3) as pool:
        answers = pool.map(ask, range(workers + 3))
        eventually(lambda: len(held) == workers)
        queue = live.server._servers[0].requests._queue
        eventually(lambda: queue.qsize() >= 3)
        stopping = threading.Thread(target=live.server.stop)
        stopping.start()
        eventually(lambda: not live.server._servers[0].ready)
        del live.root.hooks[m.ForceRetry]
        for command in held:
            live.root.box.put(done(command))
        assert list(answers) == [200] * (workers + 3)
        stopping.join(DEADLINE_S)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", live.port), DEADLINE_S)
    assert live.site.bridge.connected is False
    live.http.close()
