"""Addresses of models on the Hub."""

import re
from dataclasses import dataclass
from pathlib import Path

from ingan_fast.errors import UserError

SCHEME = "hf:"
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_REPO = re.compile(rf"{_PART}/{_PART}", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+-]{0,254}", re.ASCII)
_OTHER_KINDS = ("datasets", "spaces", "buckets")
FORM = "hf://OWNER/NAME or hf://OWNER/NAME@REVISION"


@dataclass(frozen=True)
class Address:
    """A model repository, and a branch, tag or commit of it; None: the main branch."""

    repo: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"hf://{self.repo}" + (f"@{self.revision}" if self.revision else "")


def is_address(path: str | Path) -> bool:
    """Whether this names something on the Hub; a `Path` of hf://a/b has lost a slash."""
    return Path(path).parts[:1] == (SCHEME,) if isinstance(path, Path) else path.startswith(SCHEME + "/")


def parse_address(path: str | Path) -> Address:
    """Parse hf://OWNER/NAME[@REVISION].

    Raises:
        UserError: another form.
    """
    text = "/".join(Path(path).parts[1:]) if isinstance(path, Path) else path.removeprefix(SCHEME).lstrip("/")
    repo, at, revision = text.partition("@")
    shown = f"hf://{text}"[:120]
    if not _REPO.fullmatch(repo) or ".." in repo or "--" in repo or repo.split("/")[0] in _OTHER_KINDS:
        raise UserError(f"{shown} is not the address of a model; give {FORM}")
    if at and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise UserError(f"{shown} names no branch, tag or commit after the @; give {FORM}")
    return Address(repo, revision or None)
