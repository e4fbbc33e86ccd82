"""`ingan-fast serve`: retargeting as a service, one HTTP endpoint with a bounded queue (docs/serve.md)."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi import Request as HttpRequest
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.types import ASGIApp

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.layout.limits import check_layout_size
from ingan_fast.parsing import parse_corners, parse_scale, parse_size
from ingan_fast.studio.child import Child
from ingan_fast.studio.commands import SUFFIXES
from ingan_fast.studio.errors import Refused, answer_errors
from ingan_fast.studio.requests import MOST_VARIATIONS, TILES
from ingan_fast.studio.safety import Guard, Rules, allowed_hosts
from ingan_fast.studio.serving import Request

MAX_BYTES = 64_000_000  # of a request
TYPES = {"png": "image/png", "jpeg": "image/jpeg", "tiff": "image/tiff", "webp": "image/webp"}
TEXTS = {
    "size": "Output size in pixels, WIDTHxHEIGHT.",
    "scale": "Factors of width and height, SXxSY, instead of a size.",
    "corners": "Where the source's corners land: x,y x,y x,y x,y (tl tr br bl, output pixels).",
    "tile": "x, y or both: the output continues itself (photos).",
    "variation": "0 is the best layout, others are alternatives (photos).",
    "format": f"One of {', '.join(SUFFIXES)}; default png.",
}
FILES = {
    "image": "A picture, instead of the one that the service was started with.",
    "keep": "A mask, white where the picture is kept whole (photos).",
    "remove": "A mask, white where the picture is left out (photos).",
}
PROPERTIES = {
    **{name: {"type": "string", "format": "binary", "description": text} for name, text in FILES.items()},
    **{name: {"type": "string", "description": text} for name, text in TEXTS.items()},
}
ERROR = {"application/json": {"schema": {"type": "object", "properties": {"error": {"type": "string"}}}}}
DESCRIPTION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": {"schema": {"type": "object", "properties": PROPERTIES}}},
    },
    "responses": {
        "200": {"description": "The output.", "content": {kind: {} for kind in TYPES.values()}},
        **{
            status: {"description": text, "content": ERROR}
            for status, text in (
                ("400", "A picture that can't be read, or options that can't be met."),
                ("401", "The token is missing or wrong."),
                ("413", "Too many bytes."),
                ("503", "Too many requests wait; try again after Retry-After seconds."),
                ("504", "It took too long."),
            )
        },
    },
}

router = APIRouter()


@dataclass(frozen=True)
class Plan:
    """How a service works.

    Attributes:
        served: a photo, a run or an exported model.
        is_photo: whether it is a photo.
        workers: processes.
        queue: requests that wait, at most.
        timeout: seconds for a request, waiting included.
    """

    served: Path
    is_photo: bool
    workers: int = 1
    queue: int = 32
    timeout: float = 60.0


class Service:
    """The workers of a service and the requests that wait for them."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.waiting = self.running = 0
        self._children = [Child() for _ in range(plan.workers)]
        self._free: asyncio.Queue[Child] = asyncio.Queue()
        for child in self._children:
            self._free.put_nowait(child)
        self._threads = ThreadPoolExecutor(plan.workers, "worker")
        self.size: Size = self._children[0].run("warm_up", plan.served, plan.is_photo)
        self.folder = Path(tempfile.mkdtemp(prefix="ingan-fast-serve-"))

    def close(self) -> None:
        for child in self._children:
            child.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """A place in the queue, with the time that a request may take.

        Raises:
            Refused: there is none, or the time is over.
        """
        if self.waiting + self.running >= self.plan.queue + self.plan.workers:
            raise Refused(503, "too many requests wait; try again in a moment")
        self.waiting += 1
        try:
            async with asyncio.timeout(self.plan.timeout):
                yield
        except TimeoutError:
            seconds = f"{self.plan.timeout:g} seconds"
            raise Refused(504, f"this took longer than {seconds}; ask for a smaller output") from None
        finally:
            self.waiting -= 1

    async def make(self, request: Request) -> bytes:
        """The output of a request, by the next free worker; one whose time is over is ended."""
        child = await self._free.get()
        self.waiting, self.running = self.waiting - 1, self.running + 1
        try:
            work = asyncio.get_running_loop().run_in_executor(self._threads, child.run, "answer", request)
            try:
                made: bytes = await asyncio.shield(work)
            except asyncio.CancelledError:
                child.stop()
                await asyncio.wait([work])
                work.exception()
                raise
            return made
        finally:
            self.waiting, self.running = self.waiting + 1, self.running - 1
            self._free.put_nowait(child)


@router.post("/retarget", openapi_extra=DESCRIPTION, response_class=Response, summary="Retarget a picture")
async def retarget(request: HttpRequest) -> Response:
    service: Service = request.app.state.service
    async with service.admitted():
        folder = Path(await run_in_threadpool(tempfile.mkdtemp, dir=service.folder))
        try:
            async with request.form(max_files=len(FILES), max_fields=len(TEXTS)) as form:
                asked = await run_in_threadpool(_parsed, form, folder, service.plan)
            try:
                content = await service.make(asked)
            except UserError as error:
                raise UserError(_without_paths(str(error), folder, service.plan.served)) from error
        finally:
            await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)
    return Response(content, media_type=TYPES[next(name for name in SUFFIXES if SUFFIXES[name] == asked.suffix)])


@router.get("/health", summary="Whether the service works, and how much it has to do")
def health(request: HttpRequest) -> dict[str, Any]:
    service: Service = request.app.state.service
    return {
        "status": "ok",
        "version": version("ingan-fast"),
        "kind": "photo" if service.plan.is_photo else "model",
        "size": service.size,
        "workers": service.plan.workers,
        "running": service.running,
        "waiting": service.waiting,
        "queue": service.plan.queue,
    }


def service_app(service: Service, token: str | None, host: str, port: int) -> ASGIApp:
    """The whole app; `host` and `port` are where the server listens."""

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(service.close)

    # The framework's own pages of documentation load scripts from other servers.
    app = FastAPI(title="ingan-fast", version=version("ingan-fast"), docs_url=None, redoc_url=None, lifespan=living)
    app.state.service = service
    answer_errors(app)
    app.include_router(router)
    limits = (("/retarget", MAX_BYTES),)
    return Guard(app, Rules(token, allowed_hosts(host, port), f"ingan_fast_{port}", limits, frozenset({"/health"})))


def _parsed(form: FormData, folder: Path, plan: Plan) -> Request:
    """The request in a form; its files are written to a folder.

    Raises:
        UserError: unknown fields, or values that are no sizes, scales, ...
    """
    unknown = set(form) - set(PROPERTIES)
    if unknown:
        raise UserError(f"unknown field {min(unknown)[:40]!r}; there are {', '.join(PROPERTIES)}")
    texts = {name: value for name in TEXTS if isinstance(value := form.get(name), str) and value}
    files = {name: _stored(name, form.get(name), folder) for name in FILES if form.get(name)}
    shapes = [name for name in ("size", "scale", "corners") if name in texts]
    if not shapes or ("scale" in shapes and len(shapes) > 1):
        raise UserError("give one of size, scale and corners (corners may have a size, too)")
    tile, format_, variation = texts.get("tile"), texts.get("format", "png"), texts.get("variation", "0")
    if tile not in TILES:
        raise UserError(f"unknown tile {str(tile)[:40]!r}; choose x, y or both")
    if format_ not in SUFFIXES:
        raise UserError(f"unknown format {format_[:40]!r}; choose one of {', '.join(SUFFIXES)}")
    if not (variation.isdecimal() and len(variation) < 5 and int(variation) <= MOST_VARIATIONS):
        raise UserError(f"variation {variation[:40]!r} is invalid; give 0 to {MOST_VARIATIONS}")
    return Request(
        plan.served,
        plan.is_photo,
        size=parse_size(texts["size"], check_layout_size) if "size" in texts else None,
        scale=parse_scale(texts["scale"]) if "scale" in texts else None,
        corners=parse_corners(texts["corners"]) if "corners" in texts else None,
        tile=TILES[tile],
        variation=int(variation),
        suffix=SUFFIXES[format_],
        image=files.get("image"),
        keep=files.get("keep"),
        remove=files.get("remove"),
    )


def _stored(name: str, file: Any, folder: Path) -> Path:
    if not isinstance(file, UploadFile):
        raise UserError(f"{name} is a text; send it as a file")
    suffix = Path(file.filename or "").suffix.lower()
    path = folder / f"{name}{suffix if suffix[1:].isalnum() and len(suffix) < 8 else ''}"
    with open(path, "wb") as target:
        shutil.copyfileobj(file.file, target)
    return path


def _without_paths(sentence: str, folder: Path, served: Path) -> str:
    return sentence.replace(f"{folder}/", "").replace(str(served), served.name)
