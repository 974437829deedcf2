"""Settings of a server: frozen values, defaults as operators know them.

Every section is one knob group of `conf/sambung.toml`; the field metadata holds the allowed range, which the
settings loader enforces and quotes in its errors. Durations end in `_s` (seconds), sizes in `_bytes` or `_mb`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from core.knobs import accepts, allowed, knob, shown


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    failure_threshold: int = knob(
        10, "failures in the window, or in a row, that open the breaker", ge=1, le=10_000
    )
    window_s: float = knob(300.0, "the sliding window", ge=1, le=86_400)
    reset_after_s: float = knob(600.0, "open time before the half-open probe", ge=0.1, le=86_400)
    probe_timeout_s: float = knob(
        20.0, "deadline of the half-open probe: dial and authenticate", ge=0.5, le=600
    )


@dataclass(frozen=True, slots=True)
class RetrySettings:
    delay_s: float = knob(15.0, "least wait after an ordinary failure", ge=0, le=3600)
    timeout_delay_s: float = knob(30.0, "least wait after a timeout (status 408)", ge=0, le=3600)
    step_s: float = knob(5.0, "backoff grows by this per attempt", ge=0, le=3600)
    max_s: float = knob(60.0, "backoff stops growing here", ge=0, le=86_400)
    jitter: float = knob(0.2, "delay = base + U(0, jitter * base): never below the least wait", ge=0, le=10)
    fast_first_s: float = knob(
        5.0, "first retry after a stable connection waits U(0, this); 0 = off", ge=0, le=3600
    )
    stable_after_s: float = knob(
        60.0, "open this long = stable: attempts and failures reset", ge=0, le=86_400
    )


@dataclass(frozen=True, slots=True)
class FailuresSettings:
    high: int = knob(5, "above this many recent failures the high-failure warning appears", ge=1, le=10_000)


@dataclass(frozen=True, slots=True)
class GateSettings:
    connect_rate: float = knob(15.0, "dials per second for all instances of one upstream", ge=0.1, le=10_000)
    probe_min_s: float = knob(
        2.0, "first interval between canaries while an upstream is down", ge=0.1, le=600
    )
    probe_max_s: float = knob(10.0, "longest interval between canaries", ge=0.1, le=3600)


@dataclass(frozen=True, slots=True)
class TransportSettings:
    dial_timeout_s: float = knob(20.0, "total deadline of a dial: DNS, TCP, TLS, upgrade", ge=0.5, le=600)
    auth_timeout_s: float = knob(
        20.0, "deadline from the open socket to the authenticated session", ge=0.5, le=600
    )
    send_timeout_s: float = knob(5.0, "a send that takes longer means the stream is broken", ge=0.1, le=120)
    close_timeout_s: float = knob(3.0, "wait for the peer's Close frame", ge=0.1, le=60)
    ping_interval_s: float = knob(20.0, "protocol ping on an open link", ge=0.5, le=3600)
    ping_timeout_s: float = knob(
        10.0, "a ping unanswered for this long means the peer is dead", ge=0.5, le=600
    )
    user_timeout_s: float = knob(
        20.0, "TCP_USER_TIMEOUT: unacknowledged data kills the connection", ge=1, le=600
    )
    keepalive_idle_s: int = knob(10, "TCP keepalive: first probe after this idle time", ge=1, le=3600)
    keepalive_interval_s: int = knob(5, "TCP keepalive: between probes", ge=1, le=600)
    keepalive_count: int = knob(3, "TCP keepalive: probes before the peer is dead", ge=1, le=30)
    max_message_bytes: int = knob(
        16 * 1024 * 1024, "larger messages are refused with 1009", ge=1024, le=1 << 30
    )
    max_header_bytes: int = knob(16 * 1024, "longest response header of an upgrade", ge=1024, le=1 << 20)


@dataclass(frozen=True, slots=True)
class SupervisionSettings:
    max_restarts: int = knob(5, "restarts in the period before an instance is quarantined", ge=0, le=1000)
    period_s: float = knob(60.0, "the period of the restart intensity", ge=1, le=86_400)
    delay_min_s: float = knob(0.1, "first delay between restarts", ge=0, le=60)
    delay_max_s: float = knob(5.0, "longest delay between restarts", ge=0.1, le=600)
    heartbeat_s: float = knob(5.0, "each instance reports at least this often", ge=0.5, le=60)
    silence_s: float = knob(15.0, "no heartbeat for this long: the process is ended", ge=1, le=600)
    abort_grace_s: float = knob(2.0, "time to write its stack before it is killed", ge=0.1, le=60)
    checker_late_s: float = knob(2.0, "a check that comes later than this convicts nobody", ge=0.1, le=60)
    cpu_percent: float = knob(95.0, "share of the CPU time it could get that counts as a spin", ge=1, le=100)
    cpu_period_s: float = knob(120.0, "a spin that lasts this long ends the process", ge=1, le=86_400)
    memory_mb: int = knob(256, "private memory above this ends an instance's process", ge=16, le=65_536)
    group_size: int = knob(32, "instances under one group supervisor", ge=1, le=64)


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    max_messages: int = knob(
        1000, "accepted messages that wait per instance; one more is refused", ge=1, le=1_000_000
    )
    max_message_bytes: int = knob(
        1024 * 1024, "largest message accepted for sending", ge=16, le=64 * 1024 * 1024
    )
    expire_after_s: float = knob(86_400.0, "a message not sent by then is expired", ge=1, le=31_536_000)
    rate_per_s: float = knob(5.0, "pace of sends per instance", ge=0.01, le=10_000)
    burst: int = knob(5, "sends that may leave at once after a quiet time", ge=1, le=10_000)
    keep_finished: int = knob(1000, "finished messages kept per instance for queries", ge=0, le=1_000_000)


@dataclass(frozen=True, slots=True)
class EventsSettings:
    retain_days: float = knob(7.0, "events older than this are dropped", ge=0.01, le=3650)
    max_mb: int = knob(1024, "the event journal's size limit", ge=1, le=1_000_000)
    batch: int = knob(256, "events per batch from an instance to the journal", ge=1, le=1000)
    resend_s: float = knob(5.0, "an unacknowledged batch is sent again after this", ge=0.5, le=300)
    max_unsent: int = knob(
        10_000, "above this many unacknowledged events an instance stops reading", ge=100, le=10_000_000
    )


@dataclass(frozen=True, slots=True)
class HttpSettings:
    host: str = knob("localhost", "address to bind; localhost = 127.0.0.1 and, where it exists, ::1")
    port: int = knob(8000, "port to bind", ge=0, le=65_535)
    threads: int = knob(12, "worker threads", ge=3, le=200)
    tls_cert_file: str = knob("", "PEM certificate chain; empty = plain HTTP")
    tls_key_file: str = knob("", "PEM private key of the certificate")
    cors_origins: tuple[str, ...] = knob((), "origins that browsers may call the API from")
    trusted_proxies: tuple[str, ...] = knob((), "addresses whose X-Forwarded-For counts")
    max_body_bytes: int = knob(1024 * 1024, "largest request body", ge=1024, le=1 << 30)
    socket_timeout_s: float = knob(5.0, "a request that stalls longer is dropped", ge=0.5, le=120)
    command_timeout_s: float = knob(5.0, "an actor that does not answer by then gives 503", ge=0.1, le=120)


@dataclass(frozen=True, slots=True)
class AuthSettings:
    query_token: bool = knob(True, "accept ?access_token=")
    failures_per_minute: int = knob(10, "wrong tokens per address before 429; 0 = no limit", ge=0, le=10_000)


@dataclass(frozen=True, slots=True)
class HealthSettings:
    public: bool = knob(True, "/health and /circuit-breaker-status need no token")


@dataclass(frozen=True, slots=True)
class LimitsSettings:
    max_instances: int = knob(200, "one more is refused", ge=1, le=5000)
    requests_per_minute: int = knob(0, "quota of a token without one of its own; 0 = none", ge=0, le=100_000)


@dataclass(frozen=True, slots=True)
class CleanupSettings:
    interval_s: float = knob(600.0, "the periodic sweep", ge=1, le=86_400)
    crash_days: float = knob(30.0, "crash records older than this are dropped", ge=0.01, le=3650)


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    interval_s: float = knob(30.0, "how often the health monitor looks", ge=1, le=86_400)


@dataclass(frozen=True, slots=True)
class LogSettings:
    level: str = knob("INFO", "least level written", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    timezone: str = knob("local", "'local' or a name such as Asia/Jakarta, for the human log")
    rotate_mb: int = knob(50, "a log file is rotated at this size", ge=1, le=100_000)
    keep: int = knob(10, "rotated files kept per log", ge=1, le=1000)


@dataclass(frozen=True, slots=True)
class StorageSettings:
    min_free_percent: float = knob(
        5.0, "below it sends are refused with 503 and readiness is off", ge=0, le=90
    )


@dataclass(frozen=True, slots=True)
class ActorsSettings:
    bind: str = knob("127.0.0.1", "address that every actor listens on")
    port: int = knob(0, "port of the actor system; 0 = any free one", ge=0, le=65_535)
    max_frame_bytes: int = knob(
        64 * 1024 * 1024,
        "largest frame between actors; keep it well above transport.max_message_bytes",
        ge=65_536,
        le=1 << 30,
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set; the same names as the sections of conf/sambung.toml."""

    http: HttpSettings = field(default_factory=HttpSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    retry: RetrySettings = field(default_factory=RetrySettings)
    gate: GateSettings = field(default_factory=GateSettings)
    failures: FailuresSettings = field(default_factory=FailuresSettings)
    transport: TransportSettings = field(default_factory=TransportSettings)
    supervision: SupervisionSettings = field(default_factory=SupervisionSettings)
    outbox: OutboxSettings = field(default_factory=OutboxSettings)
    events: EventsSettings = field(default_factory=EventsSettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    cleanup: CleanupSettings = field(default_factory=CleanupSettings)
    monitor: MonitorSettings = field(default_factory=MonitorSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    log: LogSettings = field(default_factory=LogSettings)
    actors: ActorsSettings = field(default_factory=ActorsSettings)


SECTIONS: dict[str, type[Any]] = {f.name: f.default_factory for f in fields(Settings)}  # type: ignore[misc]

# The sections that one instance may override.
OVERRIDABLE = ("breaker", "retry", "failures")


def problem(section: str, name: str, value: Any) -> str | None:
    """What is wrong with this value of a knob, naming what is allowed; None when it is fine."""
    specs = {spec.name: spec for spec in fields(SECTIONS[section])}
    if name not in specs:
        return f"unknown knob {section}.{name} (allowed: {', '.join(sorted(specs))})"
    if accepts(specs[name], value):
        return None
    return f"must be {allowed(specs[name])} (got {shown(value)})"


def allowed_text(section: str, name: str) -> str:
    """What a knob accepts, in words: `an integer from 1 to 10000`, `one of DEBUG, INFO`."""
    return allowed(next(spec for spec in fields(SECTIONS[section]) if spec.name == name))


def with_overrides(settings: Settings, overrides: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Settings of one instance: the server's, with the instance's own knobs of the overridable sections.

    Raises ValueError naming the section or knob that is not allowed.
    """
    changed: dict[str, Any] = {}
    for section, values in overrides.items():
        if section not in OVERRIDABLE:
            raise ValueError(f"overrides.{section}: unknown section (allowed: {', '.join(OVERRIDABLE)})")
        if not isinstance(values, Mapping):
            raise ValueError(f"overrides.{section}: must be a table of knobs (got {shown(values)})")
        for name, value in values.items():
            if text := problem(section, name, value):
                raise ValueError(f"overrides.{section}.{name}: {text}")
        changed[section] = replace(getattr(settings, section), **values)
    return replace(settings, **changed)
