"""Messages to who is gone, with real processes."""

import os
import time
from pathlib import Path

from actor_programs import Program, kill, wait_until


def test_a_message_to_nobody_costs_the_admin_nothing(system: Program) -> None:
    """No connection either, which would stay for twenty minutes."""
    kill(system.with_children(2)[0])

    def exits() -> list[int]:
        counts: list[int] = system.do("ask", kind="AskExits")["answers"][0]["Exits"]["counts"]
        return counts

    wait_until(lambda: sum(exits()) == 1, "the exit to be told")
    before = sockets_of(system.admin)
    for _ in range(5):
        system.do("ask", kind="Cross", text="anybody?", answers=0)
        assert system.echo()
    time.sleep(1.0)  # what the admin is told would have come by now
    assert sockets_of(system.admin) == before


def sockets_of(pid: int) -> set[str]:
    links = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()]
    return {link for link in links if link.startswith("socket:[")}
