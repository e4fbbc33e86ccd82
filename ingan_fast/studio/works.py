"""What the jobs do: outputs by the command line itself, pictures to compare by tasks."""

import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from shlex import join
from typing import Any

from ingan_fast.errors import UserError
from ingan_fast.pictures.masks import save_mask
from ingan_fast.studio.commands import Retargeting, retargeting
from ingan_fast.studio.jobs import Job, Work
from ingan_fast.studio.requests import Options, Shape, check_frame
from ingan_fast.studio.scripts import Video, script_text
from ingan_fast.studio.store import Entry, Store

PRECISIONS = {"float32": "fp32", "float16": "fp16"}


def link(source: Path, target: Path) -> None:
    """The same file under another name, a copy where that can't be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def laid_in(store: Store, entry: Entry, command: Retargeting, folder: Path, companions: Sequence[Path]) -> None:
    """Put what a command needs into its folder."""
    if command.plain:
        link(store.source_file(entry.id), folder / command.picture)
    for kind, name in command.masks.items():
        mask = store.mask(entry.id, kind, entry.size)
        if mask is not None:
            save_mask(mask, folder / name)
    for path in companions:
        link(path, folder / path.name)


def output(store: Store, entry: Entry, shape: Shape, options: Options, format_: str, companions: list[Path]) -> Work:
    """An output in full resolution; with companions a zip of all of them."""
    check_frame(shape, options)
    if companions and entry.kind != "photo":
        raise UserError("companions follow the layout of a photo, not the network of a run; open the photo")

    def work(job: Job) -> None:
        names = [path.name for path in companions]
        command = retargeting(store, entry, shape, options, format_, names)
        laid_in(store, entry, command, job.folder, companions)
        job.command(command.words(), _hidden(entry))
        if not companions:
            job.file = command.out
            return
        job.file = f"{Path(command.out).parent}.zip"
        zipped(job.folder / Path(command.out).parent, job.folder / job.file)

    return work


def layout(store: Store, entry: Entry, shape: Shape, options: Options) -> Work:
    """The layout of an output, as a file that the command line applies."""
    check_frame(shape, options)
    if entry.kind != "photo":
        raise UserError("only photos have layouts; a run's network makes its outputs")

    def work(job: Job) -> None:
        command = retargeting(store, entry, shape, options, layout=True)
        laid_in(store, entry, command, job.folder, [])
        job.command(command.words(), _hidden(entry))
        job.file = command.layout

    return work


def video(store: Store, entry: Entry, request: Video) -> Work:
    """A video of keyframes."""
    text = script_text(request, entry)

    def work(job: Job) -> None:
        (job.folder / "script.yaml").write_text(text)
        picture = entry.path if entry.kind != "photo" else entry.name
        assert picture is not None
        if entry.kind == "photo":
            link(store.source_file(entry.id), job.folder / entry.name)
        name = f"{Path(entry.name).stem}.mp4"
        words = ["video", picture, "--script", "script.yaml", "--background", request.background, "--out", name]
        job.command(words, _hidden(entry))
        job.file = name

    return work


def video_command(entry: Entry, request: Video) -> dict[str, Any]:
    """The command line and Python of a video, with its script."""
    stem = Path(entry.name).stem
    words = ["video", entry.path or entry.name, "--script", f"{stem}.yaml"]
    words += ["--background", request.background, "--out", f"{stem}.mp4"]
    script = {"name": f"{stem}.yaml", "content": script_text(request, entry)}
    return {"shell": join(["ingan-fast", *words]), "python": None, "files": [script]}


def exported(entry: Entry, precision: str) -> Work:
    """The exported model of a run, zipped."""

    def work(job: Job) -> None:
        assert entry.path is not None
        name = Path(entry.name).stem
        job.command(["export", entry.path, "--out", name, "--precision", PRECISIONS[precision]], _hidden(entry))
        job.file = f"{name}.zip"
        zipped(job.folder / name, job.folder / job.file)

    return work


def pictured(name: str, *arguments: object) -> Work:
    """A task that writes pictures to the job's folder and returns the result."""

    def work(job: Job) -> None:
        job.result = job.task(name, job.folder, *arguments)

    return work


def zipped(folder: Path, target: Path) -> None:
    """Put a folder's files into a zip; pictures are compressed already."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder.parent))


def _hidden(entry: Entry) -> list[Path]:
    return [] if entry.path is None else [Path(entry.path).parent]
