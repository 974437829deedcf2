"""The web process as it really runs, over a fake root: `python webprocess.py DATA_DIR [PORT] [HOST]`.

It writes the bound addresses to DATA_DIR/places.json once it answers. DATA_DIR/bad makes a reload fail. A force-retry
is never answered; DATA_DIR/asked says that one has reached the root.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from core.config import HttpSettings, LogSettings, RetrySettings, Settings
from core.messages import ForceRetry
from store.layout import DataDir
from store.logs import setup_logging
from tests.web.fakes import FakeRoot, snapshot
from web.binding import BindFailed, Listening
from web.server import run_web
from web.site import ReloadFailed


def main(folder: Path, port: int = 0, host: str = "localhost", cert: str = "", key: str = "") -> None:
    data = DataDir(folder)
    data.create()
    setup_logging(data.logs, LogSettings(level="DEBUG"))
    http = HttpSettings(port=port, host=host, tls_cert_file=cert, tls_key_file=key, threads=6)
    settings = Settings(http=http)
    root = FakeRoot()
    root.instances["a"] = snapshot("a")

    def never_answer(command: ForceRetry) -> None:
        (folder / "asked").touch()

    root.hooks[ForceRetry] = never_answer

    def reload() -> Settings:
        if (folder / "bad").exists():
            raise ReloadFailed([("conf/sambung.toml:1", "is bad")])
        return replace(settings, retry=RetrySettings(delay_s=1.0))

    def announce(places: list[Listening]) -> None:
        (folder / "places.tmp").write_text(json.dumps([place.url for place in places]))
        (folder / "places.tmp").rename(folder / "places.json")

    try:
        run_web(settings, data, lambda: root, reload, version="9.9", announce=announce)
    except BindFailed as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2] if len(sys.argv) > 2 else 0), *sys.argv[3:6])
