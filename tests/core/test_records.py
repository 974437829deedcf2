"""What records say of themselves."""

from core.records import no_token


def test_an_unknown_token_is_named_shortly_and_with_where_ids_are_shown() -> None:
    text = no_token("t" * 100)
    assert "t" * 64 in text and "t" * 65 not in text
    assert "token list" in text and "/api/v1/tokens" in text
