"""Addresses of pictures, their masks and what was found in them."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from ingan_fast.errors import UserError
from ingan_fast.pictures.masks import save_mask
from ingan_fast.studio.errors import Refused
from ingan_fast.studio.frames import FrameKey
from ingan_fast.studio.installed import extras
from ingan_fast.studio.requests import Options
from ingan_fast.studio.store import MASKS, Entry, Mask
from ingan_fast.studio.studio import Studio, file_name, status_of

MAX_MASK_BYTES = 32 << 20
PNG = "image/png"
Version = Annotated[int, Header(ge=0)]
Client = Annotated[str | None, Header(max_length=64)]

router = APIRouter()


def studio_of(request: Request) -> Studio:
    studio: Studio = request.app.state.studio
    return studio


def described(studio: Studio, entry: Entry) -> dict[str, Any]:
    """A picture as JSON."""
    installed = extras()
    others = studio.store.entries()
    return {
        "id": entry.id,
        "name": entry.name,
        "kind": entry.kind,
        "size": entry.size,
        "preview_size": entry.preview_size,
        "channels": entry.channels,
        "bits": entry.bits,
        "can_train": entry.kind == "photo" and installed["train"],
        "can_export": entry.kind == "run" and installed["export"],
        "masks": studio.store.versions(entry.id),
        "prepared": studio.frames.is_ready(FrameKey.of(entry.id, Options(), studio.store.versions(entry.id))),
        "notices": entry.notices,
        "companions": studio.companions(entry.id),
        "source": entry.source,
        "has_training": studio.trainings.has(entry),
        "trained": [other.id for other in others if other.source == entry.id],
    }


@asynccontextmanager
async def upload_slot(studio: Studio) -> AsyncIterator[None]:
    """One of the few places for uploads; the others wait.

    Raises:
        Refused: all were taken for too long.
    """
    try:
        await asyncio.wait_for(studio.uploads.acquire(), studio.limits.upload_wait)
    except TimeoutError:
        raise Refused(503, "too many pictures are being opened; try again in a moment") from None
    try:
        yield
    finally:
        studio.uploads.release()


async def received(request: Request, folder: Path) -> tuple[Path, str]:
    """The file of a form, written to a folder, and its name.

    Raises:
        Refused: there is not exactly one.
    """
    async with request.form(max_files=1, max_fields=8) as form:
        given = form.get("file")
        if not isinstance(given, UploadFile):
            raise Refused(400, "no file was sent; send one as the part `file` of a form")
        name = file_name(given.filename or "")
        path = folder / f"incoming{Path(name).suffix.lower()}"

        def copy() -> None:
            with open(path, "wb") as file:
                while block := given.file.read(1 << 20):
                    file.write(block)

        await run_in_threadpool(copy)
    return path, name


@router.post("/api/pictures", status_code=201)
async def add(request: Request) -> JSONResponse:
    studio = studio_of(request)
    async with upload_slot(studio):
        with studio.store.arriving() as folder:
            path, name = await received(request, folder)
            try:
                entry, new = await run_in_threadpool(studio.add_photo, path, name)
            except UserError as error:
                raise Refused(status_of(error), str(error)) from error
    _prepare(studio, entry)
    return JSONResponse(described(studio, entry), 201 if new else 200)


@router.get("/api/pictures")
def listed(request: Request) -> dict[str, Any]:
    studio = studio_of(request)
    return {"pictures": [described(studio, entry) for entry in studio.store.entries()]}


@router.get("/api/pictures/{key}")
def one(request: Request, key: str) -> dict[str, Any]:
    studio = studio_of(request)
    entry = studio.entry(key)
    studio.store.used(key)
    _prepare(studio, entry)
    return described(studio, entry)


def _prepare(studio: Studio, entry: Entry) -> None:
    if entry.preview_size is not None:
        key = FrameKey.of(entry.id, Options(), studio.store.versions(entry.id))
        studio.frames.prepare(key, Options())


@router.delete("/api/pictures/{key}", status_code=204)
def remove(request: Request, key: str) -> Response:
    studio = studio_of(request)
    studio.entry(key)
    studio.remove(key)
    return Response(status_code=204)


@router.get("/api/pictures/{key}/preview.png")
def preview(request: Request, key: str) -> FileResponse:
    return _file(studio_of(request), key, "preview.png", PNG)


@router.get("/api/pictures/{key}/view.jpg")
def view(request: Request, key: str, max_side: Annotated[int, Query(ge=64, le=4096)] = 2048) -> Response:
    studio = studio_of(request)
    path = _file(studio, key, "view.jpg", "image/jpeg").path
    with Image.open(path, formats=["JPEG"]) as image:
        if max(image.size) <= max_side:
            return FileResponse(path, media_type="image/jpeg")
        image.draft(image.mode, (max_side, max_side))
        image.thumbnail((max_side, max_side))
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
    return Response(buffer.getvalue(), media_type="image/jpeg")


@router.get("/api/pictures/{key}/found.png")
def found(request: Request, key: str) -> FileResponse:
    studio = studio_of(request)
    preview = Path(_file(studio, key, "preview.png", PNG).path)
    path = preview.with_name("found.png")
    if not path.is_file():
        objects = studio.stills.run("find_objects", preview)
        save_mask(objects, path)
    return FileResponse(path, media_type=PNG)


def _file(studio: Studio, key: str, name: str, media_type: str) -> FileResponse:
    studio.entry(key)
    path = studio.store.folder(key) / name
    if not path.is_file():
        raise Refused(404, "this model contains no picture")
    return FileResponse(path, media_type=media_type)


@router.get("/api/pictures/{key}/masks/{name}")
def mask(request: Request, key: str, name: str, size: str | None = None) -> Response:
    studio = studio_of(request)
    entry = _checked(studio, key, name)
    version = {"X-Version": str(studio.store.versions(key)[name])}
    painted = studio.store.mask(key, name, entry.size if size == "full" else None)
    if painted is None:
        return Response(status_code=204, headers=version)
    buffer = io.BytesIO()
    Image.fromarray(painted.astype(np.uint8) * np.uint8(255)).save(buffer, "PNG")
    return Response(buffer.getvalue(), media_type=PNG, headers=version)


@router.put("/api/pictures/{key}/masks/{name}")
async def put_mask(
    request: Request, key: str, name: str, x_version: Version = 0, x_client: Client = None
) -> dict[str, int]:
    studio = studio_of(request)
    entry = _checked(studio, key, name)
    content = await request.body()
    return await run_in_threadpool(_stored, studio, entry, name, _painted(content, entry), x_version, x_client)


@router.delete("/api/pictures/{key}/masks/{name}")
def delete_mask(
    request: Request, key: str, name: str, x_version: Version = 0, x_client: Client = None
) -> dict[str, int]:
    studio = studio_of(request)
    return _stored(studio, _checked(studio, key, name), name, None, x_version, x_client)


def _checked(studio: Studio, key: str, name: str) -> Entry:
    if name not in MASKS:
        raise Refused(404, "there is no such mask; there are keep and remove")
    return studio.entry(key)


def _stored(
    studio: Studio, entry: Entry, name: str, mask: Mask | None, version: int, client: str | None
) -> dict[str, int]:
    versions = studio.store.put_mask(entry.id, name, mask, version)
    studio.hub.publish("masks", entry.id, by=client, keep=versions["keep"], remove=versions["remove"])
    return versions


def _painted(content: bytes, entry: Entry) -> Mask:
    """A mask from a PNG's bytes: what is opaque and light is painted.

    Raises:
        Refused: no PNG, or of another size.
    """
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.size not in (entry.size, entry.preview_size):
                sizes = " or ".join("{}x{}".format(*size) for size in (entry.preview_size, entry.size) if size)
                raise Refused(400, f"the mask is {image.width}x{image.height}; give one of {sizes}")
            pixels = np.asarray(image.convert("LA"))
    except Refused:
        raise
    except Exception as error:  # decoders raise almost any exception on damaged data
        raise Refused(400, "the mask can't be decoded; send a PNG") from error
    return (pixels[..., 0] > 127) & (pixels[..., 1] > 127)
