from datetime import timedelta

class ExpirationTimer:
    def __init__(self, duration: timedelta | float | None = None) -> None: ...
