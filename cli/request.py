"""What `serve` and `start` were asked for: folder, settings file, and what the command line overrides."""

from dataclasses import dataclass
from pathlib import Path

from cli.folder import Place


@dataclass(frozen=True, slots=True)
class Request:
    """What `serve` was asked: `config`: the settings file or None; `host`, `port`: as given on the command line.

    `again`: the server ran and was killed; it comes back with its last settings if the file is wrong by now.
    """

    data: Path | None = None
    config: Path | None = None
    host: str | None = None
    port: int | None = None
    again: bool = False

    @property
    def place(self) -> Place:
        return Place.choose(self.data)

    @property
    def options(self) -> dict[str, dict[str, object]]:
        """The command line's part of the settings."""
        given = {"host": self.host, "port": self.port}
        return {"http": {name: value for name, value in given.items() if value is not None}}

    @property
    def overrides(self) -> list[str]:
        """What the settings are made from, as arguments."""
        config = self.config and self.config.absolute()
        named = (("--config", config), ("--host", self.host), ("--port", self.port))
        return [word for name, value in named if value is not None for word in (name, str(value))]
