"""The books of a listener: dials, and the account of each instance."""

from collections.abc import Mapping
from typing import Any

from simulator.account import Account
from simulator.counting import DialClock, Gauges
from simulator.views import ListenerStats

INSTANCES_AT_MOST = 10_000


class Books:
    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.dials = DialClock()
        self.unidentified = 0
        self._gauges = Gauges()

    def account(self, instance: str) -> Account | None:
        """The account of the instance, a new one if need be; None when there are too many."""
        account = self.accounts.get(instance)
        if account is None and len(self.accounts) < INSTANCES_AT_MOST:
            account = self.accounts[instance] = Account(instance, gauges=self._gauges.part())
        return account

    def forget(self) -> None:
        """Reset counters and history; live sockets, event numbers and acknowledgements stay."""
        self.dials = DialClock()
        self.unidentified = 0
        self._gauges.forget()
        for account in self.accounts.values():
            account.forget()

    def stats(self, port: int, fault: Mapping[str, Any], listening: bool, *, each: bool) -> ListenerStats:
        """`each`: with a summary of every instance; thousands of them are work."""
        accounts = self.accounts.values()
        return ListenerStats(
            **self._gauges.counters(),
            port=port,
            fault=fault,
            listening=listening,
            dials=self.dials.total,
            dials_per_s_max=self.dials.per_s_max,
            dials_by_second=tuple(self.dials.by_second.items()),
            unidentified=self.unidentified,
            opened=sum(account.tally.opened for account in accounts),
            received=sum(account.tally.received for account in accounts),
            sent=sum(account.sent for account in accounts),
            bytes_in=sum(account.tally.bytes_in for account in accounts),
            bytes_out=sum(account.tally.bytes_out for account in accounts),
            instances={name: account.summary() for name, account in self.accounts.items()} if each else {},
        )
