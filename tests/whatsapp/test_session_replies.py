"""Whom a reply names as the author of the message that it quotes."""

import pytest

from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import Group, Server
from tests.whatsapp.talking import ANNA, BUDI, CITRA, GROUP, content
from whatsapp import groups

ANNA_PN, ANNA_LID = f"{ANNA}@s.whatsapp.net", f"9000{ANNA}@lid"
BUDI_PN, CITRA_LID = f"{BUDI}@s.whatsapp.net", f"9000{CITRA}@lid"
OWN, THEIRS = {"from_me": True}, {}


def pair(lids: bool, lid_group: bool) -> tuple[Client, Client]:
    server = Server()
    server.use_lid = lids
    anna, budi = linked(server, ANNA), linked(server, BUDI)
    server.groups[GROUP] = Group(GROUP, [ANNA, BUDI], lid_group)
    if lids:  # a group's metadata tells them
        anna.send("g", content(str(GROUP), "halo"))
    anna.send("d", content(BUDI, "halo"))
    return anna, budi


@pytest.mark.parametrize(
    ("to", "quoted", "lids", "lid_group", "author"),
    [
        (BUDI, OWN, True, True, ANNA_LID),
        (BUDI, OWN, False, False, ANNA_PN),
        (BUDI, THEIRS, True, True, BUDI_PN),
        (str(GROUP), OWN, True, True, ANNA_LID),
        (str(GROUP), OWN, True, False, ANNA_PN),
        (str(GROUP), OWN | {"sender": CITRA_LID}, True, True, ANNA_LID),
        (str(GROUP), {"sender": CITRA_LID}, True, True, CITRA_LID),
    ],
    ids=[
        "own by LID",
        "own by number",
        "theirs",
        "own in a LID group",
        "own in a PN group",
        "own whatever is said",
        "somebody's in a group",
    ],
)
def test_a_reply_names_the_author(to, quoted, lids, lid_group, author):
    anna, budi = pair(lids, lid_group)
    anna.send("r", content(to, "ya", reply_to={"id": "X1", "text": "jadi?", **quoted}))
    assert budi.told("message.received")[-1]["reply_to"]["sender"] == author


def test_a_group_that_is_not_known_yet_names_people_by_lid():
    anna, budi = pair(True, True)
    with anna.session._core.state.transaction() as tx:
        groups.forget(tx, GROUP)
    anna.send("r", content(str(GROUP), "ya", reply_to={"id": "X1", "from_me": True}))
    assert budi.told("message.received")[-1]["reply_to"]["sender"] == ANNA_LID
