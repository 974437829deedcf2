# ruff: noqa: N801, N803, N815, N816
from thespian.system.multiprocCommon import multiprocessCommon

class ActorSystemBase(multiprocessCommon): ...
