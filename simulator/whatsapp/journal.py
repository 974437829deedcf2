"""What is to be made durable, in rows of small byte values under (space, key)."""

from typing import TypeVar

from simulator.whatsapp.outputs import Output, Save

T = TypeVar("T")


class Journal:
    """Collects rows among the outputs. Rows of one key replace each other."""

    def __init__(self, outputs: list[Output]) -> None:
        self._outputs = outputs

    def put(self, space: str, key: str, value: bytes) -> None:
        self._outputs.append(Save(space, key, value))

    def delete(self, space: str, key: str) -> None:
        self._outputs.append(Save(space, key, None))
