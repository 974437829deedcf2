"""Stanzas of a linked device, and what the server answers them."""

from simulator.whatsapp.accounts import Spot
from tests.simulator_whatsapp.driving import BUDI, World
from whatsapp.jid import SERVER, Jid
from whatsapp.nodes import Content, Node


def take(world: World, spot: Spot, node: Node) -> list[Node]:
    """What a device that sends a stanza is answered."""
    answers: list[Node] = []
    world.server.parts.stanzas.take(spot, node, answers.append)
    world.server.tick()
    world.run()
    return answers


def ask(world: World, spot: Spot, xmlns: str, kind: str, content: Content = None, to: Jid = SERVER) -> Node:
    """The one answer to an `iq`."""
    (answer,) = take(world, spot, Node("iq", {"xmlns": xmlns, "type": kind, "to": to, "id": "7"}, content))
    assert answer.attrs["id"] == "7"
    return answer


def device(world: World, number: str = BUDI) -> Spot:
    """A linked device of that number."""
    world.linked(number)
    account = world.person(number).account
    return Spot(account, account.devices[max(account.devices)])


def error_of(answer: Node) -> str:
    assert answer.attrs["type"] == "error"
    return answer.need("error").text_attr("code")
