# ruff: noqa: N801, N803, N815, N816
from datetime import timedelta

class ExpirationTimer:
    def __init__(self, duration: timedelta | float | None = None) -> None: ...
