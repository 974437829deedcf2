"""The part of CherryPy that web/ uses; CherryPy itself carries no types."""

from typing import Any

tree: Any
serving: Any
config: dict[str, Any]
log: Any

class HTTPError(Exception):
    def __init__(self, status: int = ..., message: str | None = ...) -> None: ...
