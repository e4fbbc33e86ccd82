"""The studio's app: its addresses, its page, and who may ask."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ingan_fast.layout.limits import MAX_PIXELS
from ingan_fast.studio import companions_api, jobs_api, pictures_api, sockets, training_api
from ingan_fast.studio.errors import answer_errors
from ingan_fast.studio.installed import INSTALL, extras
from ingan_fast.studio.pictures_api import MAX_MASK_BYTES
from ingan_fast.studio.safety import Guard, Rules, allowed_hosts
from ingan_fast.studio.studio import Studio

PAGE = Path(__file__).parent / "page"


def studio_app(studio: Studio, token: str, host: str, port: int) -> ASGIApp:
    """The whole app; `host` and `port` are where the server listens."""
    rules = Rules(
        token,
        allowed_hosts(host, port),
        f"ingan_fast_{port}",
        (
            ("/api/pictures/", max(MAX_MASK_BYTES, studio.limits.upload_bytes)),
            ("/api/pictures", studio.limits.upload_bytes),
        ),
    )
    app = FastAPI(title="ingan-fast studio", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_living)
    app.state.studio = studio
    answer_errors(app)
    for part in (pictures_api, companions_api, jobs_api, training_api, sockets):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=PAGE), name="static")

    @app.get("/")
    def page(request: Request) -> HTMLResponse:
        response = HTMLResponse((PAGE / "index.html").read_bytes())
        if rules.is_token(request.query_params.get("token", "")):
            response.set_cookie(rules.cookie, token, httponly=True, samesite="strict", path="/")
        return response

    @app.get("/api/server")
    def server() -> dict[str, Any]:
        limits = studio.limits
        return {
            "version": version("ingan-fast"),
            "torch": extras()["train"],
            "extras": extras(),
            "install": INSTALL,
            "limits": {
                "upload_bytes": limits.upload_bytes,
                "pixels": limits.pixels,
                "output_pixels": MAX_PIXELS,
                "jobs": limits.per_page,
            },
            "start": studio.start,
        }

    return Guard(app, rules)


@asynccontextmanager
async def _living(app: FastAPI) -> AsyncIterator[None]:
    studio: Studio = app.state.studio
    studio.hub.begin()
    watching = asyncio.create_task(_watch_pages(studio))
    try:
        yield
    finally:
        watching.cancel()
        studio.hub.publish("closing", error="the server stops")
        await asyncio.sleep(0.05)  # for the messages
        await asyncio.to_thread(studio.close)


async def _watch_pages(studio: Studio) -> None:
    """Cancel the jobs of pages that are gone."""
    while True:
        await asyncio.sleep(min(1.0, studio.limits.page_gone / 2))
        for client in studio.hub.gone(studio.limits.page_gone):
            await asyncio.to_thread(studio.jobs.page_gone, client)
