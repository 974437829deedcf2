# ruff: noqa: N801, N803, N815, N816
from datetime import timedelta

CONVENTION_REREGISTRATION_PERIOD: timedelta
CONVENTION_RESTART_PERIOD: timedelta
