"""A copy of a session's state: a backup, an import, an older generation."""

from whatsapp import sender_key_readers, sender_keys, signal_cipher
from whatsapp.account import Account
from whatsapp.state import StateWriter


def make_safe(state: StateWriter) -> None:
    """Before a restored copy is used: no key that the original may have used later is ever used for sending again."""
    signal_cipher.retire_all(state)
    account = Account.load(state)
    if account is not None and account.linked:
        sender_keys.rotate_all(state, account.main.signal_address)
    sender_key_readers.forget_all(state)
