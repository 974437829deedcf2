"""Secrets never reach a log file; what is no secret stays."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from core.config import LogSettings
from store import logs
from store.redaction import redact

JAKARTA = LogSettings(timezone="Asia/Jakarta", level="DEBUG")


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


CANARY = "c4n4ry-S3cret.Value_77"
SECRETS = [
    f"GET /force-retry/a?access_token={CANARY}&x=1",
    f"?access_token={CANARY}",
    f"wss://user:{CANARY}@example.test/path",
    f"http://{CANARY}@proxy.test:3128",
    f"Authorization: Bearer {CANARY}",
    f"authorization: Basic {CANARY}",
    f"{{'Authorization': 'Bearer {CANARY}', 'X-Api-Key': '{CANARY}'}}",
    f"(('Authorization', 'Bearer {CANARY}'), ('apikey', '{CANARY}'))",
    f'{{"headers": {{"authorization": "Bearer {CANARY}"}}}}',
    f"b'Authorization: Bearer {CANARY}\\r\\nX-Api-Key: {CANARY}\\r\\n'",
    f"Proxy-Authorization: Basic {CANARY}",
    f"Set-Cookie: session={CANARY}; HttpOnly",
    f"api_key={CANARY} password={CANARY} token={CANARY}",
    f"Bearer {CANARY}",
    f"sbg_{CANARY.replace('.', '_')}",
]


@pytest.mark.parametrize("text", SECRETS, ids=lambda text: text.replace(CANARY, "…")[:30])
def test_a_secret_reaches_no_file(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup_logging(folder, JAKARTA, console=True)
    logs.log_event("x.y", text, "INFO", None, where=text, nested={"list": [text]})
    logs.logger().warning("%s", text, extra={"event": "x.y"})
    logs.access_logger().info(text, extra={"path": text})
    try:
        raise ValueError(text)
    except ValueError:
        logs.logger().exception("failed")
    written = b"".join(file.read_bytes() for file in folder.iterdir()).decode() + capsys.readouterr().err
    assert CANARY not in written and CANARY.replace(".", "_") not in written
    assert "***" in written
    assert lines(folder / "events.jsonl") and lines(folder / "access.jsonl")


@pytest.mark.parametrize(
    "text",
    [
        "⏸️ Waiting for manual intervention or automatic reset in 10 minutes",
        "wss://example.test:8443/path?room=5 mail@example.test",
        "token 5 of 7; the key is in wire.key; Authorization is missing",
        "tokens=5 keys: 3",
        '{"kind": "message", "monkey": "x", "count": 3}',
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_redacting_a_hostile_line_takes_no_time() -> None:
    started = time.perf_counter()
    for text in (
        "token=" * 3000,
        "a://" * 4000,
        "authorization:" * 1500,
        "cookie" * 2500 + "@",
        "sbg_" * 4000,
    ):
        redact(text)
    assert time.perf_counter() - started < 5
