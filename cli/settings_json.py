"""Checked settings on their way from the launcher to its children: a JSON file in the run folder.

Children start with what was checked, not with a file that somebody is editing. Standard library only.
"""

import json
from dataclasses import asdict, fields
from pathlib import Path

from core.config import SECTIONS, Settings
from store.files import write_atomic


def write_settings(path: Path, settings: Settings) -> None:
    """Replace the file (0600); raises StoreFailed."""
    write_atomic(path, json.dumps(asdict(settings), indent=1).encode())


def read_settings(path: Path) -> Settings:
    """What `write_settings` wrote; raises OSError, ValueError, KeyError or TypeError for anything else."""
    tables = json.loads(path.read_text("utf-8"))
    sections = {}
    for name, kind in SECTIONS.items():
        values = tables[name]
        for spec in fields(kind):
            if spec.type == tuple[str, ...]:
                values[spec.name] = tuple(values[spec.name])
        sections[name] = kind(**values)
    return Settings(**sections)
