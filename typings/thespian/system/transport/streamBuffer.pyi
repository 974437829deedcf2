# ruff: noqa: N801, N803, N815, N816
ackPacket: str
ackDataErrPacket: str
