# ruff: noqa: N816
ackPacket: str
ackDataErrPacket: str
