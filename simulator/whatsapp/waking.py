"""A server from what an earlier one saved."""

from collections import defaultdict
from collections.abc import Iterable

from simulator.whatsapp.accounts import Spot, Waiting
from simulator.whatsapp.authority import Authority
from simulator.whatsapp.groups import Group
from simulator.whatsapp.packing import unpack_account, unpack_device, unpack_node
from simulator.whatsapp.server_core import ServerCore
from simulator.whatsapp.server_parts import Parts
from whatsapp.state import MemoryState

Space = dict[str, bytes]


def restore(core: ServerCore, parts: Parts, rows: Iterable[tuple[str, str, bytes]]) -> None:
    """Fill an empty server; a new one saves who it is."""
    spaces: dict[str, Space] = defaultdict(dict)
    for space, key, value in rows:
        spaces[space][key] = value
    if "server" not in spaces:
        core.journal.put("server", "authority", core.authority.pack())
        return
    core.authority = Authority.unpack(spaces["server"]["authority"])
    for value in spaces["group"].values():
        group = Group.unpack(value)
        core.groups[group.jid] = group
    for value in spaces["account"].values():
        _restore_account(core, parts, spaces, value)
    parts.delivery.resume(1 + max(_numbers(spaces), default=0))


def _restore_account(core: ServerCore, parts: Parts, spaces: dict[str, Space], value: bytes) -> None:
    account = unpack_account(value)
    core.accounts.add(account)
    stored = {key: one for key, one in spaces["device"].items() if key.startswith(f"{account.number}:")}
    for value in sorted(stored.values(), key=lambda one: unpack_device(one).number):
        device = unpack_device(value)
        account.devices[device.number] = device
        key = Spot(account, device).key
        one_time = sorted((int(key_id), public) for key_id, public in spaces[f"key:{key}"].items())
        device.one_time.update(one_time)
        waiting = sorted((int(number), node) for number, node in spaces[f"waiting:{key}"].items())
        device.waiting.update((number, Waiting(number, unpack_node(node))) for number, node in waiting)
    parts.app_state.restore(account.number, spaces[f"state:{account.number}"])
    parts.phones.restore(account, parts.outside, _phone_state(spaces, account.number))


def _phone_state(spaces: dict[str, Space], number: str) -> MemoryState:
    prefix = f"phone:{number}:"
    return MemoryState.load(
        (space.removeprefix(prefix), key, value)
        for space, values in spaces.items()
        if space.startswith(prefix)
        for key, value in values.items()
    )


def _numbers(spaces: dict[str, Space]) -> Iterable[int]:
    return (int(key) for space, values in spaces.items() if space.startswith("waiting:") for key in values)
