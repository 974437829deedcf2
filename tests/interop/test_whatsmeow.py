"""whatsmeow on the simulator: the peer that checks every signature, ours and the simulated server's."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.interop import whatsmeow
from tests.interop.cast import Cast
from tests.interop.upstream import Person, Upstream
from tests.interop.whatsmeow import Whatsmeow

pytestmark = [pytest.mark.interop, pytest.mark.whatsmeow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def package(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The peer's Python, and a copy of its package that knows this upstream."""
    python = whatsmeow.installed()
    port = urlsplit(upstream.url).port
    assert port is not None
    folder = tmp_path_factory.mktemp("whatsmeow")
    return python, whatsmeow.pointed_to(python, port, upstream.root_key, folder)


@pytest.fixture
def unlinked(package: tuple[Path, Path], tmp_path: Path) -> Iterator[Whatsmeow]:
    with Whatsmeow(*package, tmp_path / "whatsmeow.db") as running:
        yield running


def linked(cast: Cast, client: Whatsmeow) -> Person:
    person = cast.person()
    client.do("start")
    cast.upstream.scan(person.number, client.event("qr"))
    paired = client.event("paired")
    assert (paired["jid"], paired["error"]) == (f"{person.number}:1@s.whatsapp.net", "")
    client.event("connected")
    return person


def test_it_pairs_by_qr_and_texts_go_both_ways(cast: Cast, unlinked: Whatsmeow) -> None:
    theirs, ours = linked(cast, unlinked), cast.ours()
    for number in range(3):
        sent = ours.client.send(theirs.number, f"k{number}")
        got = unlinked.message(f"k{number}")
        assert got["sender"].partition("@")[0].partition(":")[0] in (ours.number, ours.person.lid)
        ours.client.event(
            "message.receipt", lambda one, s=sent: s in one["ids"] and one["status"] == "delivered"
        )
        unlinked.do("send", to=ours.pn, text=f"w{number}")
        event = ours.client.message(f"w{number}")
        assert event["chat_pn"] == f"{theirs.number}@s.whatsapp.net"
    assert ours.client.events("message.undecryptable") == []
    assert [one for one in unlinked.told.all() if one["event"] == "undecryptable"] == []


def test_it_reads_and_writes_in_a_group(cast: Cast, unlinked: Whatsmeow) -> None:
    theirs, ours = linked(cast, unlinked), cast.ours()
    jid = cast.upstream.group("Bertiga", [ours.number, theirs.number])
    ours.client.send(jid, "halo grup")
    assert unlinked.message("halo grup")["chat"] == jid
    unlinked.do("send", to=jid, text="halo juga")
    assert ours.client.message("halo juga")["chat"] == jid


def test_it_gets_a_damaged_message_again_and_gives_one_again(cast: Cast, unlinked: Whatsmeow) -> None:
    theirs, ours = linked(cast, unlinked), cast.ours()
    ours.client.send(theirs.number, "satu")
    unlinked.message("satu")
    cast.upstream.damage(theirs.number, 1)
    ours.client.send(theirs.number, "dua")
    unlinked.message("dua")
    cast.upstream.damage(ours.number, 1)
    unlinked.do("send", to=ours.pn, text="tiga")
    ours.client.message("tiga")
    assert cast.upstream.retries(ours.number) == 1
