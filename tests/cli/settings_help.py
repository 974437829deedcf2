"""Help for the tests of the settings."""

from pathlib import Path
from typing import Any

import pytest

from cli.settings import WrongSettings, load_settings


def write(folder: Path, text: str) -> Path:
    path = folder / "sambung.toml"
    path.write_text(text, "utf-8")
    return path


def lines(file: Path | None = None, environ: dict[str, str] | None = None, **options: Any) -> list[str]:
    """What is wrong, as lines without the folder."""
    with pytest.raises(WrongSettings) as caught:
        load_settings(file, {"http": options}, environ or {})
    return [line.replace(f"{file.parent}/", "") if file else line for line in caught.value.lines]
