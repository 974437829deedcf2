"""Groups and hosted devices: who gets a message, and what group answers teach about addresses."""

import pytest

from tests.whatsapp.phone import Phone
from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import Device, Group, Server
from tests.whatsapp.talking import ANNA, BUDI, BUDI_LID, BUDI_PN, CITRA, GROUP, content, stanzas
from whatsapp import lid_map
from whatsapp.jid import HOSTED_DEVICE, Jid
from whatsapp.nodes import Node
from whatsapp.phash import participant_hash

CITRA_PN, CITRA_LID = Jid(CITRA, "s.whatsapp.net"), Jid(f"9000{CITRA}", "lid")


@pytest.fixture
def anna(server: Server) -> Client:
    return linked(server, ANNA)


def host(server: Server, number: str) -> Device:
    """The account's messages are also read by a service: a device on the hosted servers, with keys of its own."""
    phone = Phone(server, number).device
    del server.devices[phone.jid]
    made = Device(
        Jid(number, "hosted", HOSTED_DEVICE),
        Jid(f"9000{number}", "hosted.lid", HOSTED_DEVICE),
        upload=phone.upload,
    )
    made.take = lambda node: None
    server.devices[made.jid] = made
    return made


@pytest.mark.parametrize("by_lid", [True, False], ids=["LID", "phone number"])
def test_a_hosted_device_reads_what_is_written_to_its_account(server, by_lid):
    server.use_lid = by_lid
    anna, budi = linked(server, ANNA), linked(server, BUDI)
    hosted = host(server, BUDI)
    anna.send("a", content(BUDI, "satu"))
    (stanza,) = stanzas(anna)
    named = {entry.jid_attr("jid") for entry in stanza.need("participants").children}
    device = budi.connection.device
    assert named == ({device.lid, hosted.lid} if by_lid else {device.jid, hosted.jid})
    assert budi.texts() == ["satu"]


@pytest.mark.parametrize("by_lid", [True, False], ids=["LID group", "PN group"])
def test_a_hosted_device_has_no_part_in_groups(server, anna, by_lid):
    budi = linked(server, BUDI)
    hosted = host(server, BUDI)
    server.groups[GROUP] = Group(GROUP, [ANNA, BUDI], by_lid)
    anna.send("a", content(str(GROUP), "satu"))
    (stanza,) = stanzas(anna)
    devices = [client.connection.device for client in (anna, budi)]
    readers = [device.lid if by_lid else device.jid for device in devices]
    (entry,) = stanza.need("participants").children
    assert entry.jid_attr("jid") == readers[1]
    assert stanza.attrs["phash"] == participant_hash(readers)
    assert budi.texts() == ["satu"] and hosted.upload is not None


@pytest.mark.parametrize("by_lid", [True, False], ids=["LID group", "PN group"])
@pytest.mark.parametrize("asked", ["group", "groups"])
def test_who_is_who_is_learnt_from_the_members_of_a_group(server, anna, asked, by_lid):
    server.groups[GROUP] = Group(GROUP, [ANNA, BUDI, CITRA], by_lid)
    link = anna.connection

    def all_groups(node: Node) -> Node:
        one = link._group(Node("iq", {"to": GROUP})).need("group")
        return Node("iq", {}, (Node("groups", {}, (one,)),))

    if asked == "groups":
        link.answers["w:g2"] = all_groups
    reply = anna.invoke("groups") if asked == "groups" else anna.invoke("group", group=str(GROUP))
    assert reply.error is None
    assert (
        lid_map.lid_of(anna.stored, BUDI_PN) == BUDI_LID and lid_map.pn_of(anna.stored, BUDI_LID) == BUDI_PN
    )
    assert lid_map.lid_of(anna.stored, CITRA_PN) == CITRA_LID


OWN_PN, OWN_LID = Jid(ANNA, "s.whatsapp.net", 2), Jid(f"9000{ANNA}", "lid", 2)
PAIRS = {
    "from a LID": {"from": BUDI_LID, "sender_pn": BUDI_PN},
    "from a number": {"from": BUDI_PN, "sender_lid": BUDI_LID},
    "from a device": {"from": BUDI_LID.with_device(3), "sender_pn": BUDI_PN.with_device(3)},
    "group, participant_pn": {"from": GROUP, "participant": BUDI_LID, "participant_pn": BUDI_PN},
    "group, participant_lid": {"from": GROUP, "participant": BUDI_PN, "participant_lid": BUDI_LID},
    "group, sender_pn": {"from": GROUP, "participant": BUDI_LID, "sender_pn": BUDI_PN},
    "group, sender_lid": {"from": GROUP, "participant": BUDI_PN, "sender_lid": BUDI_LID},
    "status": {"from": Jid("status", "broadcast"), "participant": BUDI_LID, "participant_pn": BUDI_PN},
    "ours, peer_recipient_pn": {"from": OWN_LID, "recipient": BUDI_LID, "peer_recipient_pn": BUDI_PN},
    "ours, peer_recipient_lid": {"from": OWN_PN, "recipient": BUDI_PN, "peer_recipient_lid": BUDI_LID},
    "ours, recipient_pn": {"from": OWN_LID, "recipient": BUDI_LID, "recipient_pn": BUDI_PN},
    "ours, recipient_lid": {"from": OWN_PN, "recipient": BUDI_PN, "recipient_lid": BUDI_LID},
}
NO_PAIRS = {
    "two numbers": {"from": BUDI_PN, "sender_pn": CITRA_PN},
    "two LIDs": {"from": BUDI_LID, "sender_lid": CITRA_LID},
    "the recipient of another's message": {"from": CITRA_LID, "recipient_pn": BUDI_PN},
    "ours, the sender's other address": {"from": OWN_LID, "recipient": CITRA_LID, "sender_pn": BUDI_PN},
}


@pytest.mark.parametrize("tag", ["message", "receipt"])
@pytest.mark.parametrize(
    ("attrs", "learnt"),
    [*((attrs, True) for attrs in PAIRS.values()), *((attrs, False) for attrs in NO_PAIRS.values())],
    ids=[*PAIRS, *NO_PAIRS],
)
def test_a_stanza_teaches_which_addresses_belong_together(anna, tag, attrs, learnt):
    kind = {"type": "text"} if tag == "message" else {}
    anna.connection.send(Node(tag, {"id": "M1", **kind, **attrs}, (Node("unavailable"),)))
    anna.server.run()
    assert anna.told("stanza.refused") == []
    assert lid_map.lid_of(anna.stored, BUDI_PN) == (BUDI_LID if learnt else None)
    assert lid_map.lid_of(anna.stored, CITRA_PN) is None
