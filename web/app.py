"""The CherryPy application: one dispatcher over the route table, uniform errors, access log."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cherrypy
from cherrypy import _cperror, _cprequest

from web import body
from web.answer import Answer, failure
from web.call import Call
from web.errors import CODE_OF, ApiError, status_line
from web.pipeline import Pipeline
from web.target import path_of

log = logging.getLogger("sambung.web")

AccessLog = Callable[[dict[str, Any]], None]


class PlainRequest(_cprequest.Request):
    """CherryPy's request without what goes wrong on hostile input: query strings and bodies are parsed by handlers.

    Errors are ours from the first line on: CherryPy itself knows its configuration only once a path is dispatched.
    """

    process_request_body = False
    show_tracebacks = False

    def respond(self, path_info: str) -> None:
        self.error_page = {"default": _error_page}
        self.error_response = _crashed
        super().respond(path_info)

    def process_query_string(self) -> None:
        return None

    def process_headers(self) -> None:
        try:
            super().process_headers()
        except cherrypy.HTTPError:
            raise
        except Exception:  # RFC 2047 words in unknown charsets raise whatever the decoder likes
            raise cherrypy.HTTPError(400, "A header cannot be decoded") from None


def mount(pipeline: Pipeline, access_log: AccessLog) -> Any:
    """Mount the application on CherryPy's tree (one per process) and return it."""
    # CherryPy pads short error pages with blanks for browsers of long ago; ours are read by scripts.
    _cperror._ie_friendly_error_sizes.clear()
    application = cherrypy.tree.mount(None, "", {"/": {"request.dispatch": _Dispatcher(pipeline)}})
    application.request_class = PlainRequest
    application.log.access = _AccessWriter(access_log)
    application.log.error = _log_error
    cherrypy.log.screen = False
    return application


class _Dispatcher:
    """Every path goes to the pipeline, which knows the routes."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def __call__(self, _path_info: str) -> None:
        request = cherrypy.serving.request
        request.config = {}  # no tools: CherryPy's own would add charsets, redirects and a second log entry
        request.handler = self._page

    def _page(self) -> Any:
        asked = _call()
        asked = replace(asked, peer=self._pipeline.client_address(asked))
        answer, call = self._pipeline.answer(asked)
        request = cherrypy.serving.request
        request.sambung_principal, request.sambung_client = call.principal.token_id, asked.peer
        return _send(answer)


def _call() -> Call:
    request = cherrypy.serving.request
    try:
        request.path_info = path_of(request.wsgi_environ["REQUEST_URI"])
    except ValueError:
        raise cherrypy.HTTPError(400, "The path is not valid percent-encoded UTF-8") from None
    headers = {name.lower(): str(value) for name, value in dict.items(request.headers)}
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    return Call(
        method=request.method,
        path=request.path_info,
        query_string=request.query_string,
        headers=headers,
        peer=request.remote.ip,
        read_body=body.reader(request.rfile, headers.get("content-length"), chunked),
        client_left=request.rfile.client_left,
    )


def _send(answer: Answer) -> Any:
    """Put an answer into CherryPy's response; returns the body."""
    request, response = cherrypy.serving.request, cherrypy.serving.response
    response.status = status_line(answer.status)
    response.headers["Server"] = "sambung"
    response.headers["Content-Type"] = answer.content_type
    for name, value in answer.headers:
        response.headers[name] = value
    if answer.stream is None:
        return answer.body
    response.stream = True
    request.hooks.attach("on_end_request", answer.stream.close)
    return answer.stream


def _error_page(status: str, message: str, traceback: str, version: str) -> bytes:
    """Errors that CherryPy raises by itself, in the uniform form; never padded."""
    code = int(status[:3])
    answer = failure(ApiError(CODE_OF.get(code, "bad_request"), message))
    cherrypy.serving.response.status = status_line(answer.status)
    return bytes(_send(answer))


def _crashed() -> None:
    """A bug: the stack goes to the log, the client learns only that it happened."""
    request, response = cherrypy.serving.request, cherrypy.serving.response
    log.exception("request failed: %s %s", request.method, request.path_info)
    response.headers.clear()
    response.body = [_send(failure(ApiError("internal", "Internal error; the server's log says more")))]


def _log_error(msg: str = "", context: str = "", severity: int = 20, traceback: bool = False) -> None:
    """What CherryPy reports by itself, such as a body that fails while it is streamed."""
    log.log(severity, "http: %s %s", context, msg, exc_info=traceback)


class _AccessWriter:
    """Writes one entry per request: no query string, no token, no header but the agent."""

    def __init__(self, write: AccessLog) -> None:
        self._write = write

    def __call__(self) -> None:
        request, response = cherrypy.serving.request, cherrypy.serving.response
        self._write(
            {
                "method": request.method,
                "path": request.path_info,
                "query": "***" if request.query_string else "",
                "status": int(str(response.output_status, "latin-1")[:3]),
                "bytes": int(dict.get(response.headers, "Content-Length") or 0),
                "duration_ms": round((time.time() - response.time) * 1000, 1),
                "peer": getattr(request, "sambung_client", request.remote.ip),
                "principal": getattr(request, "sambung_principal", ""),
                "agent": str(dict.get(request.headers, "User-Agent", ""))[:200],
            }
        )
