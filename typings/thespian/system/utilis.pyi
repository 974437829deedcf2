from typing import Any

_thesplog_file: str | None
_thesplog_old_file: str | None
_thesplog_control_settings: tuple[int, bool, int]

def thesplog(
    msg: str, *args: Any, level: int = ..., primary: bool = False, exc_info: bool = False
) -> None: ...
