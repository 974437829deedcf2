"""The reference for reads: CherryPy with one JSON handler and nothing else, in a process of its own.

Prints its port when it serves, and ends when its input does.
"""

import sys
from importlib import import_module
from typing import Any

from core.config import HttpSettings

# As large as an answer of /health.
DATA = {
    "status": "success",
    "message": "Server is running",
    "data": {
        "server_status": "running",
        "total_instances": 8,
        "active_connections": 8,
        "circuit_breaker_activations": 0,
        "health_score": 100,
        "registered_instances": 8,
        "connecting": 0,
        "awaiting_link": 0,
        "parked": 0,
        "total_retry_attempts": 0,
        "total_recent_failures": 0,
        "availability": 0.999,
        "hosts": 1,
        "upstreams": [
            {"upstream": "ws://127.0.0.1:40000", "state": "up", "since": "2026-11-23T15:15:04.123Z"}
        ],
        "cleanup_age_s": None,
        "data_bytes": 1000000,
        "disk_free_bytes": 100000000000,
        "snapshot_age_s": 0.123,
    },
    "timestamp": "2026-11-23T15:15:04.123Z",
}


class Bare:
    def health(self) -> dict[str, Any]:
        return DATA

    health.exposed = True  # type: ignore[attr-defined]


def main() -> None:
    cherrypy: Any = import_module("cherrypy")
    cherrypy.config.update(
        {
            "environment": "production",
            "server.socket_host": "127.0.0.1",
            "server.socket_port": 0,
            "server.thread_pool": HttpSettings().threads,
            "server.socket_queue_size": 1024,
            "log.screen": False,
        }
    )
    cherrypy.tree.mount(Bare(), "/", {"/": {"tools.json_out.on": True}})
    cherrypy.engine.signal_handler.unsubscribe()
    cherrypy.engine.start()
    print(cherrypy.server.bound_addr[1], flush=True)
    sys.stdin.read()
    cherrypy.engine.exit()


if __name__ == "__main__":
    main()
