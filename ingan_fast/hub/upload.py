"""Sends a run to the Hub, as one commit."""

from dataclasses import dataclass
from pathlib import Path

from ingan_fast.errors import UserError
from ingan_fast.hub.download import KNOWN
from ingan_fast.hub.failures import LOGIN, hub_failures

CARD = "README.md"


@dataclass(frozen=True)
class Existing:
    """A repository that is there already."""

    private: bool
    files: tuple[str, ...]


@dataclass(frozen=True)
class Upload:
    """What will be sent.

    Attributes:
        repo: OWNER/NAME.
        files: names in the repository, with the files on this machine; one is `CARD`.
    """

    repo: str
    private: bool
    files: dict[str, Path]
    existing: Existing | None

    @property
    def removed(self) -> list[str]:
        """Files of an earlier model, which don't belong to this one."""
        return (
            []
            if self.existing is None
            else [name for name in self.existing.files if KNOWN.fullmatch(name) and name not in self.files]
        )


def check_login() -> None:
    """Check that there is a token, without a connection.

    Raises:
        UserError: there is none.
    """
    from huggingface_hub import get_token

    if not get_token():
        raise UserError(f"nobody is logged in to the Hub here; {LOGIN} (or set HF_TOKEN in the environment)")


def look_up(repo: str) -> Existing | None:
    """The repository as it is now; None if it does not exist yet, or may not be seen.

    Raises:
        MachineError: the Hub can't be reached, or fails.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    with hub_failures(repo):
        try:
            info = HfApi(library_name="ingan-fast").model_info(repo)
        except RepositoryNotFoundError:
            return None
    return Existing(bool(info.private), tuple(each.rfilename for each in info.siblings or []))


def send(upload: Upload, bars: bool = False) -> str:
    """Create the repository if it does not exist, and commit all files at once; returns the commit's address.

    Args:
        upload: what to send.
        bars: whether huggingface_hub shows its progress bars.

    Raises:
        UserError: the login may not do that.
        MachineError: the Hub can't be reached, or fails.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, ModelCard
    from huggingface_hub.utils import disable_progress_bars

    if not bars:
        disable_progress_bars()
    api = HfApi(library_name="ingan-fast")
    with hub_failures(upload.repo):
        ModelCard(upload.files[CARD].read_text("utf-8")).validate()  # before a repository is made
        if upload.existing is None:
            api.create_repo(upload.repo, private=upload.private)
        done = api.create_commit(
            upload.repo,
            [
                *(CommitOperationAdd(name, path) for name, path in upload.files.items()),
                *(CommitOperationDelete(name) for name in upload.removed),
            ],
            commit_message="Upload of a model by ingan-fast",
        )
    return str(done.commit_url)
