"""What the commands share: where messages go, an exit code, and reading a user's text."""

from pathlib import Path

from rich.console import Console

from ingan_fast.errors import UserError

messages = Console(stderr=True, highlight=False)

INTERRUPTED = 130


def read_text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"can't read {path}: {getattr(error, 'strerror', None) or 'it is not text'}") from error
