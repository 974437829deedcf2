"""What the code cites is written down: every "protocol §N.M" is a section or an item of docs/protocol.md."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/protocol.md"
FOLDERS = ("whatsapp", "simulator/whatsapp", "tests/whatsapp", "tests/simulator_whatsapp", "tests/interop")
SOURCES = [one for folder in FOLDERS for one in sorted((ROOT / folder).glob("*.p*")) if one != Path(__file__)]
# A bare § means the protocol, too; other documents are named in front of it.
CITED = re.compile(r"(?<!RFC \d{4} )(?<!resilience )§(\d+(?:\.\d+)?(?: \([a-z]\))?)(, step)?")


def sections() -> set[str]:
    """Headings ("7", "7.1"), numbered items ("12.3") and lettered ones ("7.1 (b)")."""
    found, section = set(), ""
    for line in DOCUMENT.read_text().splitlines():
        if heading := re.match(r"##+ (\d+(?:\.\d+)?)? ?", line):
            section = heading[1] or ""
            found.add(section)
        elif section and (item := re.match(r"(\d+)\. ", line)):
            found.add(f"{section}.{item[1]}")
        for letters in re.findall(r"\(([a-z](?:, [a-z])*)\)", line) if section else ():
            found.update(f"{section} ({letter})" for letter in letters.split(", "))
    return found - {""}


def test_every_cited_section_exists():
    known, dead = sections(), []
    for source in (DOCUMENT, *SOURCES):
        cited = CITED.findall(source.read_text())
        dead += [f"{source.name}: §{one}{step}" for one, step in cited if step or one not in known]
    assert dead == []


def test_the_sections_are_found():
    assert {"1", "7.1", "7.1 (c)", "11.4", "12.9", "24"} <= sections() and "8.5" not in sections()
