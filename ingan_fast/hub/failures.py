"""Failures of the Hub and of the way to it, as sentences."""

from collections.abc import Iterator
from contextlib import contextmanager

from ingan_fast.errors import MachineError, UserError

LOGIN = "log in with: hf auth login"


@contextmanager
def hub_failures(what: str) -> Iterator[None]:
    """Raise what huggingface_hub raises in the block as a UserError or a MachineError.

    Args:
        what: the repository or the address, for the messages.
    """
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise UserError(f"access to {what} has to be granted by its owner; ask on its page, and {LOGIN}") from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(f"there is no {what} on the Hub, or it is private: check the name, or {LOGIN}") from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{what} has no such branch, tag or commit; leave out @… for the newest") from error
    except errors.LocalEntryNotFoundError as error:  # the connection broke between two files
        raise _no_connection(what, error) from error
    except errors.EntryNotFoundError as error:
        raise UserError(f"{what} has changed during the download; run the same command again") from error
    except ValueError as error:  # a name or a card that it does not take
        raise UserError(f"the Hub does not take {what}: {_words(error)}") from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status == 401:
            raise UserError(f"the Hub does not accept this login for {what}; {LOGIN}") from error
        if status == 403:
            raise UserError(
                f"this login may not write to {what}; use a token with write access, or a repository of your own"
            ) from error
        if status == 409:
            raise UserError(f"{what} exists, and this login may not see it; choose another name") from error
        raise MachineError(f"the Hub failed for {what} ({_words(error)}); try again later") from error
    except _unreachable() as error:
        raise _no_connection(what, error) from error


def _no_connection(what: str, error: Exception) -> MachineError:
    return MachineError(
        f"the Hub can't be reached for {what} ({_words(error)}); check the network, or unset HF_HUB_OFFLINE"
    )


def _unreachable() -> tuple[type[Exception], ...]:
    """What connections raise: the HTTP library's base class, whichever huggingface_hub uses, and offline mode."""
    from huggingface_hub.errors import HfHubHTTPError

    return (ConnectionError, *(base for base in HfHubHTTPError.__bases__ if issubclass(base, Exception)))


def _words(error: Exception) -> str:
    """The text of an error in one line, shortened."""
    return (" ".join(str(error).split()) or type(error).__name__)[:300]
