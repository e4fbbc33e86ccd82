"""Addresses of trainings."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from pydantic import model_validator

from ingan_fast.errors import UserError
from ingan_fast.settings import preset
from ingan_fast.studio.errors import Refused
from ingan_fast.studio.installed import needs
from ingan_fast.studio.pictures_api import studio_of
from ingan_fast.studio.requests import Body
from ingan_fast.studio.training import Training
from ingan_fast.training.budget import parse_budget

router = APIRouter()


class TrainingRequest(Body):
    """How long to train, or to go on."""

    budget: str | None = None
    preset: str | None = None
    resume: bool = False

    @model_validator(mode="after")
    def _goes_together(self) -> "TrainingRequest":
        if self.resume and (self.budget or self.preset):
            raise ValueError("resume goes on as planned; leave out budget and preset")
        return self

    def options(self) -> list[str]:
        """The command's options.

        Raises:
            UserError: an invalid time, or an unknown preset.
        """
        words = []
        if self.preset is not None:
            preset(self.preset)
            words += ["--preset", self.preset]
        if self.budget is not None:
            parse_budget(self.budget)
            words += ["--budget", self.budget]
        return words


@router.post("/api/pictures/{key}/training", status_code=202)
def start(request: Request, key: str, body: TrainingRequest) -> dict[str, Any]:
    needs("train", "a training")
    studio = studio_of(request)
    entry = studio.entry(key)
    if entry.kind != "photo":
        raise Refused(409, "this is trained already; open the photo for another training")
    words = body.options()
    try:
        return studio.trainings.start(entry, words, body.resume).described()
    except UserError as error:
        raise Refused(409, str(error)) from error


@router.get("/api/pictures/{key}/training")
def one(request: Request, key: str) -> dict[str, Any]:
    return _training(request, key).described()


@router.delete("/api/pictures/{key}/training", status_code=202)
def stop(request: Request, key: str) -> dict[str, Any]:
    studio = studio_of(request)
    training = studio.trainings.stop(studio.entry(key))
    if training is None:
        raise Refused(404, "there is no training of this picture")
    return training.described()


@router.get("/api/pictures/{key}/training/preview.png")
def preview(request: Request, key: str) -> FileResponse:
    training = _training(request, key)
    path = training.run / "monitor" / "latest.png"
    if not path.is_file():
        raise Refused(404, "there is no preview yet")
    return FileResponse(path, media_type="image/png", headers={"X-Iteration": str(training.seen.preview or 0)})


def _training(request: Request, key: str) -> Training:
    studio = studio_of(request)
    training = studio.trainings.get(studio.entry(key))
    if training is None:
        raise Refused(404, "there is no training of this picture")
    return training
