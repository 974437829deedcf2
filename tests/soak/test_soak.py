"""The soak finds nothing wrong: half a minute with few instances, and ten minutes with fifty (`--slow`)."""

import pytest

from soak.__main__ import main, soaked

pytestmark = pytest.mark.serial

# Links are stable sooner, so that half a minute is enough for some faults.
SOON = "[retry]\nstable_after_s = 2\n"


@pytest.mark.timeout(400)
def test_half_a_minute_with_eight_instances_violates_nothing() -> None:
    found = soaked(8, 30.0, seed=3, settings=SOON, stable_s=2.0)
    assert found["violations"] == []
    assert found["held"]
    assert found["faults"] >= 5
    assert found["account"]["events_acknowledged"] > 100
    assert found["account"]["messages_accepted"] > 20
    assert {row["what"] for row in found["rows"]}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_minutes_with_fifty_instances_violate_nothing() -> None:
    found = soaked(50, 600.0, seed=1)
    assert found["violations"] == []
    assert found["held"], (found["down_s"], found["budget_s"])
    assert found["faults"] >= 60
    assert found["availability"] >= found["availability_budget"]


@pytest.mark.parametrize(
    "wrong", [["--minutes", "0"], ["--instances", "2"], ["--sometimes"], ["-o", "soak.json"]]
)
def test_a_soak_that_makes_no_sense_is_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(wrong)
    assert refused.value.code == 2
