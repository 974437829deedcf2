"""Bodies of the modern API, checked by pydantic: unknown fields and wrong types are errors that name the field."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from core.instances import LinkKind
from store.tokens import LEAST_IMPORTED_CHARS
from web.errors import ApiError, invalid

LINKS = tuple(one.value for one in LinkKind)

KINDS = {
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}

Strict = ConfigDict(extra="forbid", strict=True)


def _supported(link: str) -> str:
    if link not in LINKS:
        yet = " yet" if link == "whatsapp" else ""
        allowed = ", ".join(repr(one) for one in LINKS)
        raise ValueError(f"this build does not support {link[:64]!r}{yet} (allowed: {allowed})")
    return link


class PingBody(BaseModel):
    model_config = Strict

    message: Any
    interval_s: float = Field(30.0, ge=1, le=3600, allow_inf_nan=False)
    timeout_s: float | None = Field(None, ge=0.1, le=3600, allow_inf_nan=False)


class LoginBody(BaseModel):
    model_config = Strict

    accept: dict[str, Any] = Field(min_length=1, max_length=32)
    reject: dict[str, Any] | None = Field(None, min_length=1, max_length=32)


class ConfigBody(BaseModel):
    """How an instance connects; the same fields as `config` of an instance."""

    model_config = Strict

    link: Annotated[str, AfterValidator(_supported)]
    url: str = Field("", max_length=2048)
    headers: dict[str, str] = Field(default_factory=dict, max_length=50)
    subprotocols: list[str] = Field(default_factory=list, max_length=16)
    proxy: str | None = Field(None, max_length=2048)
    ca_file: str | None = Field(None, min_length=1, max_length=1024)
    payload: Literal["text", "json", "msgpack", "binary"] = "json"
    hello: list[Any] = Field(default_factory=list, max_length=32)
    ping: PingBody | None = None
    login: LoginBody | None = None
    ack_field: str | None = Field(None, min_length=1, max_length=64)
    overrides: dict[str, dict[str, Any]] = Field(default_factory=dict)


class CreateBody(ConfigBody):
    id: str
    desired: Literal["connected", "disconnected"] = "connected"


class MessageBody(BaseModel):
    model_config = Strict

    content: Any
    id: str | None = None


class TokenBody(BaseModel):
    model_config = Strict

    name: str = Field(min_length=1, max_length=100)
    scopes: list[Literal["read", "operate", "send", "admin"]] = Field(min_length=1, max_length=4)
    instances: list[str] | None = Field(None, min_length=1, max_length=1000)
    expires_in_s: float | None = Field(None, gt=0, le=315_360_000, allow_inf_nan=False)
    requests_per_minute: int | None = Field(None, ge=0, le=100_000)


class ImportBody(TokenBody):
    """A value that another server gave out; it must be limited to instances."""

    value: str = Field(min_length=LEAST_IMPORTED_CHARS, max_length=512, repr=False)
    scopes: list[Literal["read", "operate", "send"]] = Field(min_length=1, max_length=3)  # type: ignore[assignment]
    instances: list[str] = Field(min_length=1, max_length=1000)


Body = TypeVar("Body", bound=BaseModel)


def checked(model: type[Body], value: Any) -> Body:
    """The body as a model; raises ApiError 422 with one detail per wrong field."""
    try:
        return model.model_validate(an_object(value))
    except ValidationError as error:
        raise _explained(error, model) from None


def an_object(value: Any) -> dict[str, Any]:
    """A body's fields; raises ApiError 422 when it is another kind of JSON."""
    if isinstance(value, dict):
        return value
    raise invalid(("body", f"must be a JSON object (got {KINDS[type(value)]})"))


def _explained(error: ValidationError, model: type[BaseModel]) -> ApiError:
    problems = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(part) for part in one["loc"])
        problems.append((field[:200], _text(one["type"], one["msg"], model, field)))
    return invalid(*problems[:50])


def _text(kind: str, message: str, model: type[BaseModel], field: str) -> str:
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        nested = "." in field
        return "unknown field" if nested else f"unknown field (allowed: {', '.join(model.model_fields)})"
    own = message.removeprefix("Value error, ")  # what pydantic puts before the words of our validators
    return own[:1].lower() + own[1:]
