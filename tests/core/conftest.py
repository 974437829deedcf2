"""Shared by the tests of core: the modules that assert for them explain their failures like tests do."""

import pytest

pytest.register_assert_rewrite(
    "tests.core.link_cases",
    "tests.core.link_laws",
    "tests.core.link_world",
    "tests.core.protocol_contract",
    "tests.core.protocol_host",
)
