"""`ingan-fast studio`."""

import socket
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from ingan_fast.cli.console import messages
from ingan_fast.errors import UserError

HELP = (
    "Open a page in the browser in which a picture follows the mouse: drag its edges and corners, paint what is kept "
    "or removed, train, animate, and save the result. Nothing leaves this machine.\n\n"
    "Examples:\n\n"
    "    ingan-fast studio photo.jpg\n\n"
    "    ingan-fast studio                         (pictures are dropped on the page)\n\n"
    "    ingan-fast studio runs/fruit --port 9000 --no-open\n\n"
    "    ingan-fast studio --host 0.0.0.0 --token $(openssl rand -hex 16)      (other machines may use it)\n\n"
    "Pictures and what is painted on them are kept in ~/.cache/ingan-fast/studio (or studio in $INGAN_FAST_CACHE), at "
    "most 4 GB, the oldest are removed. Ctrl-C ends it."
)
SHORTEST_TOKEN = 16


def studio(
    given: Annotated[Path | None, typer.Argument(metavar="[PHOTO|RUN|MODEL]", help="What to show first.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the address; 0: any that is free.")] = 0,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Whether to open the browser.")] = True,
    host: Annotated[str, typer.Option(help="Where to listen; anything but this machine needs --token.")] = "127.0.0.1",
    token: Annotated[
        str | None, typer.Option(help="What the address must contain; default: a new one each time.")
    ] = None,
) -> None:
    from ingan_fast.studio.running import listening, run
    from ingan_fast.studio.safety import is_loopback, new_token

    check_exposure(host, token)
    with listening(host, port) as listener:
        bound: int = listener.getsockname()[1]
        token = token or new_token()
        address = f"http://{shown_host(host)}:{bound}/?token={token}"

        def begun() -> None:
            print(address, flush=True)
            if open_:
                webbrowser.open(address)

        if not is_loopback(host):
            messages.print(
                f"Everybody who reaches port {bound} of this machine and knows the token can use the studio."
            )
        run(given, listener, host, token, begun)


def check_exposure(host: str, token: str | None) -> None:
    """Refuse to let other machines in without a token of some length."""
    from ingan_fast.studio.safety import is_loopback

    if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise UserError(
            f"--token is too short or has odd characters; give at least {SHORTEST_TOKEN} letters and digits"
        )
    if token is None and not is_loopback(host):
        raise UserError(f"--host {host} lets other machines in, which needs --token; give one, or leave out --host")


def shown_host(host: str) -> str:
    """The host as a part of an address."""
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
