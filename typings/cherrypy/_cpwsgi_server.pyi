from socket import socket as Socket
from typing import Any

class CPWSGIHTTPRequest:
    close_connection: bool
    chunked_read: bool
    chunked_write: bool
    ready: bool
    inheaders: dict[bytes, bytes]
    request_protocol: bytes
    rfile: Any
    conn: Any
    server: Any
    def read_request_headers(self) -> bool: ...
    def send_headers(self) -> None: ...
    def ensure_headers_sent(self) -> None: ...
    def simple_response(self, status: str, msg: str = ...) -> None: ...

class CPWSGIServer:
    socket: Socket
    bind_addr: tuple[str, int]
    keep_alive_conn_limit: int
    ssl_adapter: Any
    ConnectionClass: Any
    def __init__(self, adapter: Any) -> None: ...
    def prepare(self) -> None: ...
    def serve(self) -> None: ...
    def stop(self) -> None: ...
    @staticmethod
    def resolve_real_bind_addr(socket_: Socket) -> tuple[str, int]: ...
