"""Addresses of what takes a while: outputs, comparisons, videos, exports; and commands that do the same."""

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from pydantic import Field

from ingan_fast.errors import UserError
from ingan_fast.studio import works
from ingan_fast.studio.commands import retargeting
from ingan_fast.studio.companions_api import companion_files
from ingan_fast.studio.errors import Refused
from ingan_fast.studio.installed import needs
from ingan_fast.studio.jobs import Work
from ingan_fast.studio.pictures_api import Client, studio_of
from ingan_fast.studio.requests import Body, Options, Shape, check_frame
from ingan_fast.studio.scripts import Video, script_text
from ingan_fast.studio.store import Entry
from ingan_fast.studio.studio import Studio
from ingan_fast.studio.subjects import at_size

Format = Literal["png", "jpeg", "tiff", "webp"]
MaxSide = Annotated[int, Field(ge=64, le=4096)]
Ids = Annotated[tuple[str, ...], Field(max_length=32)]

router = APIRouter()


class RetargetRequest(Body):
    """An output."""

    transform: Shape
    options: Options = Options()


class OutputRequest(RetargetRequest):
    format: Format = "png"
    companions: Ids = ()


class VariationsRequest(RetargetRequest):
    count: Annotated[int, Field(ge=1, le=8)] = 8
    max_side: MaxSide = 320


class ComparisonsRequest(RetargetRequest):
    max_side: MaxSide = 1280


class CompanionsRequest(RetargetRequest):
    companions: Annotated[list[str], Field(min_length=1, max_length=32)]
    max_side: MaxSide = 640


class ExportRequest(Body):
    dtype: Literal["float32", "float16"] = "float32"


class CommandsRequest(RetargetRequest):
    format: Format = "png"
    companions: Ids = ()
    video: Video | None = None


def _started(studio: Studio, kind: str, entry: Entry, client: str | None, work: Work) -> dict[str, Any]:
    return studio.jobs.start(kind, entry.id, client, work).described()


@router.post("/api/pictures/{key}/outputs", status_code=202)
def output(request: Request, key: str, body: OutputRequest, x_client: Client = None) -> dict[str, Any]:
    studio = studio_of(request)
    entry = studio.entry(key)
    files = [path for _, path in companion_files(studio, entry, body.companions)]
    work = works.output(studio.store, entry, body.transform, body.options, body.format, files)
    return _started(studio, "output", entry, x_client, work)


@router.post("/api/pictures/{key}/layouts", status_code=202)
def layout(request: Request, key: str, body: RetargetRequest, x_client: Client = None) -> dict[str, Any]:
    studio = studio_of(request)
    entry = studio.entry(key)
    work = works.layout(studio.store, entry, body.transform, body.options)
    return _started(studio, "layout", entry, x_client, work)


@router.post("/api/pictures/{key}/variations", status_code=202)
def variations(request: Request, key: str, body: VariationsRequest, x_client: Client = None) -> dict[str, Any]:
    studio = studio_of(request)
    entry = studio.entry(key)
    if entry.kind != "photo":
        raise Refused(400, "a run has no variations: its network makes one output of each size; open the photo")
    transform, size = check_frame(body.transform, body.options), _preview_size(entry)
    subject = studio.previewed(entry, body.options)
    smaller = at_size(transform, entry.size, size)
    work = works.pictured("variations", subject, smaller, body.count, body.max_side)
    return _started(studio, "variations", entry, x_client, work)


@router.post("/api/pictures/{key}/comparisons", status_code=202)
def comparisons(request: Request, key: str, body: ComparisonsRequest, x_client: Client = None) -> dict[str, Any]:
    studio = studio_of(request)
    entry = studio.entry(key)
    _preview_size(entry)
    transform = check_frame(body.transform, body.options)
    picture = studio.store.source_file(key)
    return _started(
        studio, "comparisons", entry, x_client, works.pictured("comparisons", picture, transform, body.max_side)
    )


@router.post("/api/pictures/{key}/measures", status_code=202)
def measures(request: Request, key: str, body: RetargetRequest, x_client: Client = None) -> dict[str, Any]:
    needs("evaluate", "measuring an output")
    studio = studio_of(request)
    entry = studio.entry(key)
    transform, size = check_frame(body.transform, body.options), _preview_size(entry)
    subject = studio.previewed(entry, body.options)
    preview = studio.store.folder(key) / "preview.png"
    work = works.pictured("measures", subject, preview, at_size(transform, entry.size, size))
    return _started(studio, "measures", entry, x_client, work)


@router.post("/api/pictures/{key}/companions/previews", status_code=202)
def companion_previews(request: Request, key: str, body: CompanionsRequest, x_client: Client = None) -> dict[str, Any]:
    studio = studio_of(request)
    entry = studio.entry(key)
    transform = check_frame(body.transform, body.options)
    given = companion_files(studio, entry, body.companions)
    work = works.pictured("companions", studio.subject(entry, body.options), transform, given, body.max_side)
    return _started(studio, "companions", entry, x_client, work)


@router.post("/api/pictures/{key}/videos", status_code=202)
def video(request: Request, key: str, body: Video, x_client: Client = None) -> dict[str, Any]:
    needs("video", "a video")
    studio = studio_of(request)
    entry = studio.entry(key)
    return _started(studio, "video", entry, x_client, works.video(studio.store, entry, body))


@router.post("/api/pictures/{key}/script")
def script(request: Request, key: str, body: Video) -> Response:
    needs("video", "a script")
    entry = studio_of(request).entry(key)
    name = f"{Path(entry.name).stem}.yaml"
    return Response(script_text(body, entry), media_type="application/yaml", headers=_attached(name))


@router.post("/api/pictures/{key}/exports", status_code=202)
def export(request: Request, key: str, body: ExportRequest, x_client: Client = None) -> dict[str, Any]:
    studio = studio_of(request)
    entry = studio.entry(key)
    if entry.kind != "run":
        raise Refused(409, "only runs are exported; train a model first")
    needs("export", "an exported model")
    return _started(studio, "export", entry, x_client, works.exported(entry, body.dtype))


@router.post("/api/pictures/{key}/commands")
def commands(request: Request, key: str, body: CommandsRequest) -> dict[str, Any]:
    studio = studio_of(request)
    entry = studio.entry(key)
    if body.video is not None:
        return works.video_command(entry, body.video)
    check_frame(body.transform, body.options)
    names = [path.name for _, path in companion_files(studio, entry, body.companions)]
    made = retargeting(studio.store, entry, body.transform, body.options, body.format, names, shown=True)
    masks = [{"name": name, "url": f"/api/pictures/{key}/masks/{kind}?size=full"} for kind, name in made.masks.items()]
    return {"shell": made.shell(), "python": made.python(), "files": masks}


@router.get("/api/jobs/{job}")
def one(request: Request, job: str) -> dict[str, Any]:
    return studio_of(request).jobs.get(job).described()


@router.delete("/api/jobs/{job}", status_code=204)
def cancel(request: Request, job: str) -> Response:
    studio_of(request).jobs.remove(job)
    return Response(status_code=204)


@router.get("/api/jobs/{job}/file")
def download(request: Request, job: str, inline: bool = False) -> FileResponse:
    found = studio_of(request).jobs.get(job)
    if found.state != "done" or found.file is None:
        raise Refused(409, f"there is no file: the job is {found.state}")
    name = Path(found.file).name
    return FileResponse(found.folder / found.file, filename=name, content_disposition_type=_disposition(inline))


@router.get("/api/jobs/{job}/files/{name}")
def further(request: Request, job: str, name: str) -> FileResponse:
    found = studio_of(request).jobs.get(job)
    path = found.folder / name
    if found.state != "done" or Path(name).name != name or not path.is_file() or path.is_symlink():
        raise Refused(404, "there is no such file of this job")
    return FileResponse(path, filename=name, content_disposition_type="inline")


def _disposition(inline: bool) -> str:
    return "inline" if inline else "attachment"


def _attached(name: str) -> dict[str, str]:
    plain = name.encode("ascii", "replace").decode().replace('"', "_")
    return {"Content-Disposition": f'attachment; filename="{plain}"'}


def _preview_size(entry: Entry) -> tuple[int, int]:
    if entry.preview_size is None:
        raise UserError("this model contains no picture; export it from its run again, or open the photo")
    return entry.preview_size
