"""Bodies of the modern API, checked by pydantic: unknown fields and wrong types are errors that name the field."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from core.instances import ID_RULE, LinkKind, valid_id
from store.tokens import LEAST_IMPORTED_CHARS, checked_value
from web.errors import invalid

LINKS = tuple(one.value for one in LinkKind)

KINDS = {
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}

STAND_INS = {"id": "x", "link": LINKS[0], "content": None}
MOST_PROBLEMS = 50

Problem = tuple[str, str]
Strict = ConfigDict(extra="forbid", strict=True)


def _an_id(text: str) -> str:
    if not valid_id(text):
        raise ValueError(ID_RULE)
    return text


Id = Annotated[str, AfterValidator(_an_id)]


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
    id: Id
    desired: Literal["connected", "disconnected"] = "connected"


class ChangedBody(ConfigBody):
    """A configuration with changes in it; `desired` is judged with the changes, here it is only known."""

    desired: str | None = None


class MessageBody(BaseModel):
    model_config = Strict

    content: Any
    id: Id | None = None


class TokenBody(BaseModel):
    model_config = Strict

    name: str = Field(min_length=1, max_length=100)
    scopes: list[Literal["read", "operate", "send", "admin"]] = Field(min_length=1, max_length=4)
    instances: list[Id] | None = Field(None, min_length=1, max_length=1000)
    expires_in_s: float | None = Field(None, gt=0, le=315_360_000, allow_inf_nan=False)
    requests_per_minute: int | None = Field(None, ge=0, le=100_000)


class ImportBody(TokenBody):
    """A value that another server gave out; it must be limited to instances."""

    value: Annotated[
        str, Field(min_length=LEAST_IMPORTED_CHARS, max_length=512, repr=False), AfterValidator(checked_value)
    ]
    scopes: list[Literal["read", "operate", "send"]] = Field(min_length=1, max_length=3)  # type: ignore[assignment]
    instances: list[Id] = Field(min_length=1, max_length=1000)


Body = TypeVar("Body", bound=BaseModel)


def checked(
    model: type[Body],
    value: Any,
    also: Callable[[Body], Iterable[Problem]] | None = None,
    known: Sequence[Problem] = (),
) -> Body:
    """The body as a model; raises ApiError 422 with one detail per problem, whichever rule finds it.

    `also`: what the model's types cannot say; it is asked about the fields that are right even when others are wrong.
    `known`: problems that were found before.
    """
    fields, problems, wrong = an_object(value), list(known), set[str]()
    try:
        body = model.model_validate(fields)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        problems += [_explained(one["loc"], one["type"], one["msg"], model) for one in found]
        wrong = {str(one["loc"][0]) for one in found}
        body = _rest(model, fields, wrong) if also else model.model_construct()
    problems += _unsaid(also(body) if also else (), problems, wrong)
    if problems:
        raise invalid(*problems[:MOST_PROBLEMS])
    return body


def an_object(value: Any) -> dict[str, Any]:
    """A body's fields; raises ApiError 422 when it is another kind of JSON."""
    if isinstance(value, dict):
        return value
    raise invalid(("body", f"must be a JSON object (got {KINDS[type(value)]})"))


def _rest(model: type[Body], fields: Mapping[str, Any], wrong: Collection[str]) -> Body:
    """The body without its wrong fields; what has to be there is there, to say nothing wrong of its own."""
    needed = {name: value for name, value in STAND_INS.items() if name in model.model_fields}
    return model.model_validate(needed | {name: value for name, value in fields.items() if name not in wrong})


def _unsaid(more: Iterable[Problem], said: Sequence[Problem], wrong: Collection[str]) -> list[Problem]:
    """Problems of fields that nothing was said about."""
    named = {field for field, _ in said}
    return [one for one in more if one[0] not in named and one[0].partition(".")[0] not in wrong]


def _explained(place: Sequence[int | str], kind: str, message: str, model: type[BaseModel]) -> Problem:
    field = ".".join(str(part) for part in place)
    return field[:200], _text(kind, message, model, field)


def _text(kind: str, message: str, model: type[BaseModel], field: str) -> str:
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        nested = "." in field
        return "unknown field" if nested else f"unknown field (allowed: {', '.join(model.model_fields)})"
    own = message.removeprefix("Value error, ")  # what pydantic puts before the words of our validators
    return own[:1].lower() + own[1:]
