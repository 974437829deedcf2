"""Stanzas as no server would write them, for hypothesis: known words in places where they have no business."""

from hypothesis import strategies as st

from tests.whatsapp.talking import ANNA, BUDI, GROUP
from whatsapp.jid import SERVER, Jid
from whatsapp.nodes import Node

TAG_TEXT = """
message receipt notification call iq ack ib success failure stream:error chatstate presence enc participants to list
user item retry registration keys skey key id value signature identity type device-identity count query usync devices
device-list device lid contact group participant tokens token error conflict offline dirty edge_routing routing_info
offline_preview pair-device pair-success ref platform link_code_companion_reg composing plaintext unavailable offer
add remove xmlstreamend
"""
NAME_TEXT = """
id from to type participant recipient t class error offline category notify sender_lid sender_pn participant_pn jid
lid val count code reason xmlns v value phash stage edit addressing_mode phone_number call-id key-index is_hosted
timestamp key name peer_recipient_pn subject last media call-creator
"""
WORD_TEXT = """
get set result error text retry read skmsg pkmsg msg w:gp2 encrypt devices privacy_token 1 0 -1 515 99999999999999
link_code_companion_reg trusted_contact inactive hist_sync peer 2 replaced removed mex
"""
LONG = "x" * (1 << 16)
TAGS, NAMES, WORDS = TAG_TEXT.split(), NAME_TEXT.split(), WORD_TEXT.split()
addresses = st.sampled_from(
    [
        SERVER,
        GROUP,
        Jid(ANNA, "s.whatsapp.net"),
        Jid(f"9000{ANNA}", "lid", 1),
        Jid(BUDI, "s.whatsapp.net", 1),
        Jid(f"9000{BUDI}", "lid", 1),
        Jid("x y", "lid"),
        Jid("5", "newsletter"),
        Jid("status", "broadcast"),
        Jid("1", "bot"),
        Jid("", "g.us"),
        Jid("9", "hosted", 99),
    ]
)
words = st.sampled_from([*WORDS, ""]).map(lambda word: word or LONG)
tags = st.sampled_from([*TAGS, ""]).map(lambda tag: tag or LONG)
printable = st.characters(categories=("L", "M", "N", "P", "S"), include_characters=" ")
values = words | addresses | st.text(printable, max_size=12) | st.integers().map(str)
attrs = st.dictionaries(st.sampled_from(NAMES), values, max_size=7)
leaves = st.builds(Node, tags, attrs, st.none() | st.binary(max_size=40) | words)
nodes = st.recursive(
    leaves,
    lambda inner: st.builds(Node, tags, attrs, st.lists(inner, max_size=4).map(tuple)),
    max_leaves=12,
)
