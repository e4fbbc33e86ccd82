"""`ingan-fast serve`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ingan_fast.cli.studio import check_exposure, shown_host
from ingan_fast.errors import UserError
from ingan_fast.hub import fetch, is_address
from ingan_fast.pictures.formats import named_as_picture

HELP = (
    "Answer requests over HTTP: a form with a picture and a size in, a picture out (docs/serve.md; the API is in "
    "/openapi.json).\n\n"
    "Examples:\n\n"
    "    ingan-fast serve photo.jpg --port 8000\n\n"
    "    curl -F size=1200x600 http://127.0.0.1:8000/retarget -o wide.png\n\n"
    "    curl -F image=@other.jpg -F scale=1.5x1 -F format=jpeg http://127.0.0.1:8000/retarget -o wide.jpg\n\n"
    "    ingan-fast serve fruit/model.onnx --workers 2 --queue 64 --timeout 30\n\n"
    "    ingan-fast serve photo.jpg --host 0.0.0.0 --token $(openssl rand -hex 16)      (other machines may ask)\n\n"
    "When more requests wait than --queue, further ones are answered 503; those that take longer than --timeout, 504."
)


def serve(
    given: Annotated[
        Path,
        typer.Argument(
            metavar="PHOTO|RUN|MODEL",
            help="What requests without a picture of their own are about; also hf://OWNER/NAME.",
        ),
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0: any port that is free.")] = 8000,
    host: Annotated[str, typer.Option(help="Where to listen; anything but this machine needs --token.")] = "127.0.0.1",
    token: Annotated[str | None, typer.Option(help="Requests need the header Authorization: Bearer TOKEN.")] = None,
    queue: Annotated[int, typer.Option(min=0, max=10_000, help="Requests that may wait.")] = 32,
    timeout: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds for a request, waiting included.")] = 60,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes; default: one per core for a photo, one for a model.")
    ] = None,
) -> None:
    from ingan_fast.studio.running import listening
    from ingan_fast.studio.running import serve as run
    from ingan_fast.studio.service import Plan, Service, service_app

    check_exposure(host, token)
    given = fetch(given) if is_address(given) else given.expanduser().absolute()
    if not given.exists():
        raise UserError(f"{given} doesn't exist; give a picture, a run folder or an exported model")
    is_photo = named_as_picture(given)
    count = workers or ((os.cpu_count() or 1) if is_photo else 1)
    with listening(host, port) as listener:
        bound: int = listener.getsockname()[1]
        service = Service(Plan(given, is_photo, count, queue, timeout))
        try:
            run(
                service_app(service, token, host, bound),
                listener,
                lambda: print(f"http://{shown_host(host)}:{bound}/retarget", flush=True),
            )
        finally:
            service.close()
