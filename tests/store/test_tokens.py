"""Tokens: random values, hashes only at rest, constant-time lookup, the first admin and the given one."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select, update

from core.records import Scope, TokenRecord
from store.database import writing
from store.errors import TokenTaken
from store.layout import DataDir
from store.registry import open_registry
from store.schema import sealed
from store.schema import tokens as table
from store.tokens import (
    FIRST_ADMIN_ID,
    TokenStore,
    digest_of,
    imported_token,
    new_token,
    token_from_value,
    verify,
)

NOW = 1_795_446_904.0
ADMIN = {Scope.ADMIN}


@pytest.fixture
def engine(data: DataDir) -> Iterator[Engine]:
    opened = open_registry(data.registry_url, NOW)
    yield opened
    opened.dispose()


@pytest.fixture
def tokens(engine: Engine) -> TokenStore:
    return TokenStore(engine)


def test_values_are_random_with_a_prefix_and_256_bits() -> None:
    values = {new_token("t", ADMIN, now=NOW)[0] for _ in range(50)}
    assert len(values) == 50
    assert all(value.startswith("sbg_") and len(value) == 4 + 43 for value in values)


def test_ids_are_random_with_64_bits() -> None:
    ids = {new_token("t", ADMIN, now=NOW)[1].token_id for _ in range(50)}
    assert len(ids) == 50
    assert {len(bytes.fromhex(one)) for one in ids} == {8}


def test_only_the_hash_is_kept(tokens: TokenStore, data: DataDir) -> None:
    value, token = new_token("t", ADMIN, now=NOW)
    tokens.save(token)
    assert token.digest == hashlib.sha256(value.encode()).hexdigest()
    assert value not in repr(token) and token.digest not in repr(token)
    stored = b"".join(file.read_bytes() for file in data.root.rglob("*") if file.is_file())
    assert value.encode() not in stored
    assert token.digest.encode() in stored


def test_every_field_comes_back_oldest_first(tokens: TokenStore) -> None:
    _, later = new_token(
        "ops é",
        {Scope.READ, Scope.SEND},
        ["toko1", "toko2"],
        now=NOW,
        expires_at=NOW + 9,
        requests_per_minute=60,
    )
    _, earlier = new_token("all", ADMIN, now=NOW - 5)
    for token in (later, earlier):
        tokens.save(token)
    assert tokens.list() == (earlier, later)
    assert tokens.by_digest(later.digest) == later
    assert tokens.by_digest("0" * 64) is None


def test_a_row_from_before_quotas_has_none(tokens: TokenStore, engine: Engine) -> None:
    _, token = new_token("old", ADMIN, now=NOW)
    tokens.save(token)
    with writing(engine) as db:
        row = db.execute(select(table)).one()
        body = row.body.replace(',"requests_per_minute":null', "")
        assert body != row.body
        db.execute(update(table).values(body=body, crc=sealed(row.token_id, row.digest, body)))
    assert tokens.list() == (token,)


@pytest.mark.parametrize("value", ["", "short12", "has a blank", "tab\there", "not-ascii-é"])
def test_values_that_cannot_be_imported(value: str) -> None:
    with pytest.raises(ValueError, match="a token's value"):
        imported_token(value, "old", {Scope.READ}, ["toko1"], now=NOW)


def test_an_imported_value_is_limited_to_instances(tokens: TokenStore) -> None:
    tokens.save(imported_token("64f0c1d2e3b4a", "old", {Scope.OPERATE}, ["toko1"], now=NOW))
    found = verify("64f0c1d2e3b4a", tokens.list(), NOW)
    assert found is not None and found.instances == {"toko1"}
    with pytest.raises(ValueError, match="cannot be an admin's"):
        imported_token("64f0c1d2e3b4a", "old", ADMIN, ["toko1"], now=NOW)
    with pytest.raises(ValueError, match="at least one instance"):
        imported_token("64f0c1d2e3b4a", "old", {Scope.OPERATE}, [], now=NOW)


def test_saving_again_replaces_and_deleting_says_what_it_found(tokens: TokenStore) -> None:
    _, token = new_token("t", ADMIN, now=NOW)
    tokens.save(token)
    tokens.save(replace(token, name="renamed"))
    assert [t.name for t in tokens.list()] == ["renamed"]
    assert tokens.delete(token.token_id) is True
    assert tokens.delete(token.token_id) is False
    assert tokens.list() == ()


def test_one_value_cannot_be_two_tokens(tokens: TokenStore) -> None:
    first = token_from_value("old-servers-value", "one", ADMIN, now=NOW)
    tokens.save(first)
    with pytest.raises(TokenTaken, match=first.token_id):
        tokens.save(token_from_value("old-servers-value", "two", {Scope.READ}, now=NOW))
    assert tokens.list() == (first,)


@pytest.mark.parametrize(
    "value", ["", "with space", "tab\t", "é", "nul\x00", "new\nline", "\ud800"], ids=ascii
)
def test_a_value_that_no_header_can_carry_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        token_from_value(value, "t", ADMIN, now=NOW)


@pytest.mark.parametrize(("scopes", "instances"), [(set(), None), (ADMIN, [])], ids=["scopes", "instances"])
def test_a_token_that_allows_nothing_is_refused(scopes: set[Scope], instances: list[str] | None) -> None:
    with pytest.raises(ValueError, match="at least one"):
        new_token("t", scopes, instances, now=NOW)


def test_verify_finds_the_token_of_a_value() -> None:
    made = [new_token(f"t{n}", ADMIN, now=NOW) for n in range(5)]
    records = [token for _, token in made]
    for value, token in made:
        assert verify(value, records, NOW) == token
    for wrong in ("", "sbg_", made[0][0][:-1], made[0][0] + "x", made[0][0].upper(), "é\ud800" * 1000):
        assert verify(wrong, records, NOW) is None
    assert verify(made[0][0], [], NOW) is None


def test_an_expired_token_is_none() -> None:
    value, token = new_token("t", ADMIN, now=NOW, expires_at=NOW + 10)
    assert verify(value, [token], NOW + 9.9) == token
    assert verify(value, [token], NOW + 10) is None


def test_every_candidate_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [new_token(f"t{n}", ADMIN, now=NOW) for n in range(5)]
    records = [token for _, token in made]
    compared: list[str] = []
    compare = hmac.compare_digest

    def noted(left: str, right: str) -> bool:
        compared.append(right)
        return compare(left, right)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    verify(made[0][0], records, NOW)
    assert compared == [token.digest for token in records]


def test_the_first_start_makes_one_admin_token(tokens: TokenStore) -> None:
    value = tokens.ensure_admin(NOW)
    assert value is not None
    found = verify(value, tokens.list(), NOW)
    assert found is not None
    assert (found.scopes, found.instances, found.expires_at) == (frozenset(ADMIN), None, None)
    assert tokens.ensure_admin(NOW + 1) is None
    assert len(tokens.list()) == 1


@pytest.mark.parametrize(
    "other",
    [
        new_token("reader", {Scope.READ}, now=NOW)[1],
        new_token("limited", ADMIN, ["a"], now=NOW)[1],
        new_token("expired", ADMIN, now=NOW, expires_at=NOW)[1],
    ],
    ids=lambda token: token.name,
)
def test_a_token_that_does_not_rule_all_is_no_admin(tokens: TokenStore, other: TokenRecord) -> None:
    tokens.save(other)
    assert tokens.ensure_admin(NOW) is not None


def test_after_the_admin_was_revoked_the_next_start_makes_another(tokens: TokenStore) -> None:
    first = tokens.ensure_admin(NOW)
    assert tokens.delete(FIRST_ADMIN_ID)
    second = tokens.ensure_admin(NOW)
    assert first is not None and second is not None and first != second
    assert verify(first, tokens.list(), NOW) is None


def test_a_given_admin_value_is_replaced_when_it_changes(tokens: TokenStore) -> None:
    assert tokens.set_admin_from_value("first-value", NOW) is True
    assert tokens.set_admin_from_value("first-value", NOW + 5) is False
    assert [token.created_at for token in tokens.list()] == [NOW]
    assert tokens.set_admin_from_value("second-value", NOW + 9) is True
    assert verify("first-value", tokens.list(), NOW) is None
    found = verify("second-value", tokens.list(), NOW)
    assert found is not None and found.scopes == ADMIN
    assert tokens.ensure_admin(NOW) is None


def test_a_given_admin_value_is_taken_back_when_it_is_not_given_any_more(tokens: TokenStore) -> None:
    tokens.set_admin_from_value("an-old-value", NOW)
    assert tokens.set_admin_from_value(None, NOW) is True
    assert tokens.set_admin_from_value(None, NOW) is False
    assert tokens.list() == ()


def test_the_value_of_another_token_can_be_given(tokens: TokenStore) -> None:
    tokens.save(token_from_value("shared-value", "reader", {Scope.READ}, now=NOW))
    assert tokens.set_admin_from_value("shared-value", NOW) is True
    found = tokens.by_digest(digest_of("shared-value"))
    assert found is not None and found.scopes == ADMIN
    assert len(tokens.list()) == 1


def test_tokens_can_be_made_while_another_process_has_the_registry_open(
    engine: Engine, data: DataDir
) -> None:
    other = open_registry(data.registry_url, NOW)
    _, token = new_token("offline", ADMIN, now=NOW)
    TokenStore(other).save(token)
    other.dispose()
    assert TokenStore(engine).list() == (token,)


def test_a_given_value_is_refused_like_any_other(tokens: TokenStore) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        tokens.set_admin_from_value("", NOW)
    with pytest.raises(ValueError, match="at least 8 characters"):
        tokens.set_admin_from_value("s3cret!", NOW)
    assert tokens.list() == ()
