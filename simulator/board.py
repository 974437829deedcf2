"""Which fault is in force where: one for the listener, and one for each instance that has its own."""

import asyncio
from collections.abc import Awaitable, Callable

from simulator.faults import Fault, Flapping, Healthy, Refuse

Scope = str | None  # an instance id; None: the listener


class FaultBoard:
    """Holds the faults as they were set, turns flapping into healthy and refused times, and tells of changes."""

    def __init__(self, changed: Callable[[Scope], Awaitable[None]]) -> None:
        self._changed = changed
        self._set: dict[Scope, Fault] = {None: Healthy()}
        self._in_force: dict[Scope, Fault] = {None: Healthy()}
        self._flaps: dict[Scope, asyncio.Task[None]] = {}

    def as_set(self, scope: Scope) -> Fault:
        """The fault that was set for the instance, else the listener's."""
        return self._set.get(scope, self._set[None])

    def in_force(self, scope: Scope) -> Fault:
        """Like `as_set`, but flapping is what it is just now."""
        return self._in_force.get(scope, self._in_force[None])

    def has_own(self, scope: Scope) -> bool:
        return scope in self._set

    async def set(self, fault: Fault, scope: Scope = None) -> None:
        """Put `fault` in force. Returns when the listening socket and the open connections follow it."""
        self._stop_flapping(scope)
        self._set[scope] = fault
        if isinstance(fault, Flapping):
            await self._put(Healthy(), scope)
            self._flaps[scope] = asyncio.create_task(self._flap(fault, scope))
        else:
            await self._put(fault, scope)

    async def clear(self, instance: str) -> None:
        """The instance follows the listener's fault again. Raises KeyError when it had none of its own."""
        del self._set[instance]
        self._stop_flapping(instance)
        del self._in_force[instance]
        await self._changed(instance)

    def stop(self) -> None:
        for scope in list(self._flaps):
            self._stop_flapping(scope)

    async def _put(self, fault: Fault, scope: Scope) -> None:
        self._in_force[scope] = fault
        await self._changed(scope)

    async def _flap(self, fault: Flapping, scope: Scope) -> None:
        while True:
            await asyncio.sleep(fault.on_s)
            await self._put(Refuse(counted=fault.counted, drop_open=True), scope)
            await asyncio.sleep(fault.off_s)
            await self._put(Healthy(), scope)

    def _stop_flapping(self, scope: Scope) -> None:
        task = self._flaps.pop(scope, None)
        if task is not None:
            task.cancel()
