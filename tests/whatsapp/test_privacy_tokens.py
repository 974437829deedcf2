import hashlib
import hmac

import pytest

from whatsapp.errors import LocalProtocolError
from whatsapp.jid import Jid
from whatsapp.privacy_tokens import BUCKET_S, cstoken, should_issue, token_is_valid

WEEK_S = float(BUCKET_S)
START_S = 3000 * WEEK_S


@pytest.mark.parametrize(
    ("age_s", "valid"),
    [(0, True), (4 * WEEK_S - 1, True), (4 * WEEK_S, False), (10 * WEEK_S, False)],
    ids=["new", "last second", "four weeks", "old"],
)
def test_tokens_are_valid_for_four_weekly_buckets(age_s, valid):
    assert token_is_valid(START_S, START_S + age_s) is valid


@pytest.mark.parametrize(
    ("issued_at_s", "due"),
    [(None, True), (START_S, False), (START_S - 1, True)],
    ids=["never", "this week", "last week"],
)
def test_ours_is_given_once_a_week(issued_at_s, due):
    assert should_issue(issued_at_s, START_S + 5) is due


def test_the_computed_token_is_over_the_lid_without_device():
    expected = hmac.new(b"salt", b"123@lid", hashlib.sha256).digest()
    assert cstoken(b"salt", Jid("123", "lid", 7)) == expected
    with pytest.raises(LocalProtocolError):
        cstoken(b"salt", Jid("5511", "s.whatsapp.net"))
