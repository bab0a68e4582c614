"""The service as an ASGI application: one per worker process."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from recsys_assets.serving.arms import Watcher
from recsys_assets.serving.endpoint import SECURITY_HEADERS, Endpoint, answer, problem_response
from recsys_assets.serving.feedback import Journal
from recsys_assets.serving.hosts import KnownHosts
from recsys_assets.serving.hot import App, HotPath
from recsys_assets.serving.limits import RateLimit
from recsys_assets.serving.openapi import openapi_document
from recsys_assets.serving.operations import OPERATIONS
from recsys_assets.serving.problems import TITLES, Problem
from recsys_assets.serving.proving import Prover
from recsys_assets.serving.routes import service_version
from recsys_assets.serving.service import Service
from recsys_assets.serving.settings import ServiceSettings
from recsys_assets.serving.tokens import TokenVerifier

PAGE = Path(__file__).parent / "page"
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_log = logging.getLogger(__name__)


def build_app(settings: ServiceSettings, shared: Path | None = None) -> App:
    """The application of one worker.

    Args:
        settings: of the service.
        shared: folder that all of its workers share, if there are others.
    """
    service = Service(
        settings,
        Watcher(settings.bundles, settings.watch_seconds, Prover(shared)),
        TokenVerifier(settings.auth) if settings.auth else None,
        RateLimit(settings.rate / settings.workers, settings.burst // settings.workers),
        Journal(settings.feedback),
    )
    framework = Starlette(
        routes=[*_operations(), *_documents(settings), *_pages()],
        exception_handlers={HTTPException: _http_problem, Exception: _failure},
        lifespan=_lifespan,
    )
    # Who adds a slash would be sent on to whatever host they name, and by http though they came to
    # a proxy by https: token and body would go over an open line.
    framework.router.redirect_slashes = False
    framework.state.service = service
    app: App = HotPath(service, framework)
    if settings.origins:
        app = CORSMiddleware(
            app,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            max_age=600,
        )
    return app if settings.auth else KnownHosts(app, settings.origins)


@contextlib.asynccontextmanager
async def _lifespan(framework: Starlette) -> AsyncIterator[None]:
    """Load the bundles, then watch them as long as the application runs.

    A worker takes no connection before; those that come meanwhile are the other workers'.
    """
    service: Service = framework.state.service
    await asyncio.to_thread(service.watcher.load)
    tasks = [asyncio.create_task(service.watcher.watch()), asyncio.create_task(_flush(service))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        service.journal.close()


async def _flush(service: Service) -> None:
    """Hand on figures that are summed apart."""
    while True:
        await asyncio.sleep(1.0)
        service.missing.hand_on()


def _operations() -> list[Route]:
    return [
        Route(
            operation.path,
            Endpoint(operation.path, operation.handler, operation.role).__call__,
            methods=[operation.method],
        )
        for operation in OPERATIONS
    ]


def _documents(settings: ServiceSettings) -> list[Route]:
    document = openapi_document(service_version(), settings.auth is not None)
    body = msgspec.json.encode(document)

    async def openapi(request: Request) -> Response:
        return answer(body)

    return [Route("/openapi.json", openapi, methods=["GET"])]


def _pages() -> list[Route]:
    """The page's few files, each by its own address: nothing else can be asked for."""

    def route(address: str, name: str) -> Route:
        async def page(request: Request) -> Response:
            headers = SECURITY_HEADERS | {
                "Content-Security-Policy": _PAGE_POLICY,
                "Cache-Control": "no-cache",
            }
            return FileResponse(PAGE / name, headers=headers)

        return Route(address, page, methods=["GET"])

    files = {f"/{path.name}": path.name for path in sorted(PAGE.iterdir()) if path.is_file()}
    return [route("/", "index.html"), *(route(*file) for file in files.items())]


async def _http_problem(request: Request, error: Exception) -> Response:
    """Errors of the framework itself: no such address, no such method."""
    assert isinstance(error, HTTPException)
    status = error.status_code if error.status_code in TITLES else 400
    detail = {404: "no such address; see /openapi.json", 405: "see /openapi.json"}
    headers = dict(error.headers or {})
    problem = Problem(status, detail.get(status, str(error.detail)), headers.items())
    return problem_response(problem)


async def _failure(request: Request, error: Exception) -> Response:
    """A fault of ours. What was asked for stays out of the log: it may speak of people."""
    _log.error("failed: %s %s", request.method, type(error).__name__, exc_info=error)
    return problem_response(Problem(500, "the service failed; its log says where"))
