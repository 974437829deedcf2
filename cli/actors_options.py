"""How the actor system of a server is started, and reached by its web process."""

from actors.system import SystemOptions, load_or_create_wire_key
from cli.folder import Place
from core.config import Settings


def system_options(place: Place, settings: Settings) -> SystemOptions:
    """How this server's actor system is started and reached."""
    return SystemOptions(
        wire_key=load_or_create_wire_key(place.data.wire_key),
        log_dir=place.logs,
        bind=settings.actors.bind,
        port=settings.actors.port,
        max_frame_bytes=settings.actors.max_frame_bytes,
        max_instances=settings.limits.max_instances,
        group_size=settings.supervision.group_size,
        crash_dir=place.data.crash,
    )
