"""Errors as answers: JSON with one sentence, never a traceback or a path."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from ingan_fast.errors import MachineError, UserError, missing_package
from ingan_fast.studio.child import Stopped
from ingan_fast.studio.store import Stale

RETRY = {"Retry-After": "2"}


class Refused(Exception):
    """A request that can't be met, with its status and a sentence."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


def answer_errors(app: FastAPI) -> None:
    """Let every error of the app be an answer `{"error": sentence}`."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return JSONResponse({"error": str(error)}, error.status, RETRY if error.status in (429, 503) else None)

    @app.exception_handler(UserError)
    async def invalid(request: Request, error: UserError) -> JSONResponse:
        return JSONResponse({"error": _cleaned(request, error)}, 400)

    @app.exception_handler(MachineError)
    async def failing(request: Request, error: MachineError) -> JSONResponse:
        return JSONResponse({"error": _cleaned(request, error)}, 500)

    @app.exception_handler(Stale)
    async def stale(request: Request, error: Stale) -> JSONResponse:
        return JSONResponse({"error": str(error), "version": error.version}, 409)

    @app.exception_handler(Stopped)
    async def stopped(request: Request, error: Stopped) -> JSONResponse:
        return JSONResponse({"error": "this was stopped"}, 503, RETRY)

    @app.exception_handler(ModuleNotFoundError)
    async def not_installed(request: Request, error: ModuleNotFoundError) -> JSONResponse:
        return JSONResponse({"error": missing_package(error) or "a package is not installed"}, 409)

    @app.exception_handler(FileNotFoundError)
    async def gone(request: Request, error: FileNotFoundError) -> JSONResponse:
        return JSONResponse({"error": "the picture is gone; open it again"}, 404)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body")
        return JSONResponse({"error": f"the request is invalid: {place}: {first['msg']}"}, 400)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        sentences = {404: "there is no such thing here", 405: "this address doesn't take that method"}
        sentence = sentences.get(error.status_code, str(error.detail))
        return JSONResponse({"error": sentence}, error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": f"this failed unexpectedly ({type(error).__name__})"}, 500)


def _cleaned(request: Request, error: Exception) -> str:
    """The error's sentence without paths of the studio's cache."""
    studio = getattr(request.app.state, "studio", None)
    return str(error) if studio is None else str(studio.cleaned(str(error)))
