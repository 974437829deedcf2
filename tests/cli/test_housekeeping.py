"""What the actors process measures beside watching the root."""

import os
import resource
import shutil
from pathlib import Path

import pytest

from cli.housekeeping import ROUND_S, Housekeeping, measure, used_bytes
from core.config import LogSettings, Settings


@pytest.fixture
def house(tmp_path: Path) -> Housekeeping:
    (tmp_path / "data").mkdir()
    (tmp_path / "logs").mkdir()
    return Housekeeping(tmp_path / "data", tmp_path / "logs", Settings(log=LogSettings(rotate_mb=1)))


def test_a_round_is_due_every_ten_seconds(house: Housekeeping) -> None:
    assert house.round(100.0) is not None
    assert house.round(100.0 + ROUND_S - 0.1) is None
    assert house.round(100.0 + ROUND_S) is not None


def test_the_figures_are_those_of_the_disk(house: Housekeeping) -> None:
    (house.data / "a").write_bytes(b"x" * 1000)
    (house.data / "deep").mkdir()
    (house.data / "deep" / "b").write_bytes(b"x" * 234)
    found, usage = measure(house.data), shutil.disk_usage(house.data)
    assert (found.ok, found.data_bytes) == (True, 1234)
    assert found.disk_free_percent == pytest.approx(100 * usage.free / usage.total, abs=1)
    assert found.disk_free_bytes == pytest.approx(usage.free, rel=0.05)


def test_a_data_folder_that_is_gone_is_a_figure_too(house: Housekeeping) -> None:
    house.data.rmdir()
    found = house.round(0.0)
    assert found is not None and (found.ok, found.disk_free_percent) == (False, 0.0)


def test_a_data_folder_that_cannot_be_written_is_not_ok_until_it_can(house: Housekeeping) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        failing = house.round(0.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    whole = house.round(ROUND_S)
    assert failing is not None and whole is not None
    assert (failing.ok, failing.disk_free_bytes > 0, whole.ok) == (False, True, True)
    assert list(house.data.iterdir()) == [], "a look leaves nothing behind"


def test_links_are_not_followed_and_files_may_vanish(
    house: Housekeeping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "big").write_bytes(b"x" * 100_000)
    (house.data / "link").symlink_to(tmp_path / "elsewhere")
    (house.data / "a").write_bytes(b"x" * 10)
    assert used_bytes(house.data) < 100_000
    entries = list(os.scandir(house.data))
    (house.data / "a").unlink()
    monkeypatch.setattr(os, "scandir", lambda _folder: iter(entries))
    assert used_bytes(house.data) < 100_000


def test_full_logs_are_rotated(house: Housekeeping) -> None:
    (house.logs / "sambung.log").write_bytes(b"x" * (1024 * 1024))
    house.round(0.0)
    assert (house.logs / "sambung.log.1.gz").exists()
