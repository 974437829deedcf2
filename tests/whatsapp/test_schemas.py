"""The committed generated modules say what the .proto files say, and nobody else's package name is taken."""

import re
from pathlib import Path

import pytest

from whatsapp import message_pb2, records_pb2, signal_pb2, wire_pb2

FOLDER = Path(message_pb2.__file__).parent
MODULES = {"message": message_pb2, "records": records_pb2, "signal": signal_pb2, "wire": wire_pb2}
OPENING = re.compile(r"(message|enum) (\w+) \{")
ENTRY = re.compile(r"(?:optional |repeated )?(?:([\w.]+) )?(\w+) = (\d+);")


def written(source: str) -> set[tuple[str, str, int]]:
    """(message or enum, entry, number) of everything in a .proto file."""
    path, entries = [], set()
    for line in map(str.strip, source.splitlines()):
        if opening := OPENING.match(line):
            path.append(opening[2])
        elif line.startswith("}"):
            path.pop()
        elif path and (entry := ENTRY.match(line)):
            entries.add((".".join(path), entry[2], int(entry[3])))
    return entries


def generated(descriptor, path: str) -> set[tuple[str, str, int]]:
    path = f"{path}.{descriptor.name}".lstrip(".")
    entries = {(path, field.name, field.number) for field in descriptor.fields}
    for enum in descriptor.enum_types:
        entries |= {(f"{path}.{enum.name}", value.name, value.number) for value in enum.values}
    for nested in descriptor.nested_types:
        entries |= generated(nested, path)
    return entries


@pytest.mark.parametrize("name", MODULES)
def test_the_generated_module_is_that_of_the_schema(name):
    file = MODULES[name].DESCRIPTOR
    entries = {
        (enum.name, value.name, value.number)
        for enum in file.enum_types_by_name.values()
        for value in enum.values
    }
    for message in file.message_types_by_name.values():
        entries |= generated(message, "")
    assert entries == written((FOLDER / f"{name}.proto").read_text())
    assert len(entries) > 10
    assert file.package == f"sambung.whatsapp.{name}"
