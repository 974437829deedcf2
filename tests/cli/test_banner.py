"""What is said when the server is ready, and who gets to see the admin token."""

import io
from pathlib import Path

import pytest

from cli.banner import banner, hand_over_token
from cli.folder import Listening, Place
from cli.web_process import local_url

HERE = Listening(1, "http://127.0.0.1:8000", ["http://127.0.0.1:8000"], "Only this machine (http.host).", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_token_is_shown_and_not_stored(tmp_path: Path) -> None:
    said = hand_over_token("sbg_value", tmp_path / "admin-token", Terminal())
    assert said == "Admin token (shown only now, keep it): sbg_value"
    assert not (tmp_path / "admin-token").exists()


def test_elsewhere_the_token_goes_into_a_private_file_and_only_its_path_is_said(tmp_path: Path) -> None:
    path = tmp_path / "admin-token"
    assert hand_over_token("sbg_value", path, io.StringIO()) == f"The admin token is in {path}"
    assert path.read_text() == "sbg_value\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_banner_says_where_it_is_who_can_reach_it_and_what_is_dangerous(tmp_path: Path) -> None:
    place = Place.choose(tmp_path)
    quiet = banner(place, HERE, "1.2.3")
    for text in (
        "Sambung 1.2.3 is ready: http://127.0.0.1:8000",
        HERE.reach,
        str(tmp_path),
        str(tmp_path / "logs"),
    ):
        assert text in quiet
    assert "WARNING" not in quiet
    loud = Listening(
        1, "http://10.0.0.1:8000", ["http://10.0.0.1:8000"], "Everybody.", "Nothing is encrypted."
    )
    assert "WARNING     Nothing is encrypted." in banner(place, loud, "1.2.3")


@pytest.mark.parametrize(
    ("urls", "url"),
    [
        (["http://127.0.0.1:1", "http://[::1]:1"], "http://127.0.0.1:1"),
        (["https://0.0.0.0:8443"], "https://127.0.0.1:8443"),
        (["http://[::]:80"], "http://[::1]:80"),
        (["http://10.1.2.3:80"], "http://10.1.2.3:80"),
    ],
)
def test_this_machine_reaches_the_server_by_an_address_that_can_be_dialled(urls: list[str], url: str) -> None:
    assert local_url(urls) == url
