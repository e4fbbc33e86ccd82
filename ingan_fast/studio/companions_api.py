"""Addresses of companions: maps of a picture that are laid out like it."""

import json
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

from ingan_fast.errors import UserError
from ingan_fast.files import atomic_write
from ingan_fast.studio.errors import Refused
from ingan_fast.studio.pictures_api import received, studio_of, upload_slot
from ingan_fast.studio.store import Entry
from ingan_fast.studio.studio import Studio, status_of

MOST = 32  # of a picture

router = APIRouter()


def companion_files(studio: Studio, entry: Entry, ids: Sequence[str]) -> list[tuple[str, Path]]:
    """Ids and files of companions.

    Raises:
        Refused: there is no such companion.
    """
    known = {about["id"]: about for about in studio.companions(entry.id)}
    for key in ids:
        if key not in known:
            raise Refused(404, "there is no such companion; add it again")
    folder = studio.store.folder(entry.id) / "companions"
    return [(key, folder / key / known[key]["name"]) for key in ids]


@router.post("/api/pictures/{key}/companions", status_code=201)
async def add(request: Request, key: str) -> dict[str, Any]:
    studio = studio_of(request)
    entry = studio.entry(key)
    if len(studio.companions(key)) >= MOST:
        raise Refused(409, f"there are {MOST} companions already; remove one first")
    async with upload_slot(studio):
        with studio.store.arriving() as folder:
            path, name = await received(request, folder)
            return await run_in_threadpool(_added, studio, entry, path, name, folder)


def _added(studio: Studio, entry: Entry, path: Path, name: str, folder: Path) -> dict[str, Any]:
    taken = {about["name"] for about in studio.companions(entry.id)} | {entry.name}
    number = 2
    given = name
    while name in taken:
        name, number = f"{Path(given).stem}_{number}{Path(given).suffix}", number + 1
    try:
        about = studio.reader.run("read_companion", path, entry.size, folder / "preview.png")
    except UserError as error:
        raise Refused(status_of(error), str(error).replace(str(path), given)) from error
    path.rename(path.with_name(name))
    about = {"id": secrets.token_hex(8), "name": name, **about}
    atomic_write(folder / "about.json", json.dumps(about).encode())
    target = studio.store.folder(entry.id) / "companions" / about["id"]
    target.parent.mkdir(exist_ok=True)
    folder.rename(target)
    return about


@router.get("/api/pictures/{key}/companions")
def listed(request: Request, key: str) -> dict[str, Any]:
    studio = studio_of(request)
    return {"companions": studio.companions(studio.entry(key).id)}


@router.delete("/api/pictures/{key}/companions/{companion}", status_code=204)
def remove(request: Request, key: str, companion: str) -> Response:
    studio = studio_of(request)
    [(_, path)] = companion_files(studio, studio.entry(key), [companion])
    shutil.rmtree(path.parent)
    return Response(status_code=204)


@router.get("/api/pictures/{key}/companions/{companion}/preview.png")
def preview(request: Request, key: str, companion: str) -> FileResponse:
    studio = studio_of(request)
    [(_, path)] = companion_files(studio, studio.entry(key), [companion])
    return FileResponse(path.with_name("preview.png"), media_type="image/png")
