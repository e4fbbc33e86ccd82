"""Fetches models from the Hub into huggingface_hub's cache: a list of known files, none of which can hold code."""

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ingan_fast.errors import MachineError, UserError
from ingan_fast.hub.address import Address, parse_address
from ingan_fast.hub.failures import hub_failures

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

RUN = ("config.json", "generator.safetensors", "source.png")
EXPORTED = ("model.onnx", "model.onnx.json")
# Weights, descriptions and pictures; no pickles, TensorRT engines or torch packages, which can hold code.
KNOWN = re.compile(r"config\.json|generator\.safetensors|source(_[0-9]{1,3})?\.png|model\.onnx(\.json)?")
MOST_BYTES = 1 << 30


def fetch(address: str | Path) -> Path:
    """The local path of a model: its run folder, or model.onnx where there is no run, or no torch to play it.

    Asks the Hub for the newest state, and downloads what is not in the cache. Without a connection, what was downloaded
    before is used.

    Args:
        address: hf://OWNER/NAME[@REVISION].

    Raises:
        UserError: not an address, no such repository, or not a model of this program.
        MachineError: the Hub can't be reached, and the model is not in the cache.
    """
    wanted = parse_address(address)
    if importlib.util.find_spec("huggingface_hub") is None:
        raise UserError(f"{wanted} needs huggingface_hub, which is not installed: pip install 'ingan-fast[hub]'")
    from huggingface_hub import HfApi

    api = HfApi(library_name="ingan-fast")
    try:
        with hub_failures(str(wanted)):
            info = api.model_info(wanted.repo, revision=wanted.revision, files_metadata=True)
    except MachineError:
        cached = _cached(wanted)
        if cached is None:
            raise
        return cached
    names = _checked(wanted, info)
    with hub_failures(str(wanted)):
        # By the name of the branch, not by its commit, so that the cache finds it without a connection.
        files = [Path(api.hf_hub_download(wanted.repo, name, revision=wanted.revision)) for name in names]
    if {file.parent.name for file in files} != {info.sha}:
        raise MachineError(f"{wanted} has changed during the download; run the same command again")
    return _model(files[0].parent, set(names))


def _checked(address: Address, info: "ModelInfo") -> list[str]:
    """The names of the files to download."""
    sizes = {each.rfilename: each.size for each in info.siblings or [] if KNOWN.fullmatch(each.rfilename)}
    if not (sizes.keys() >= set(RUN) or sizes.keys() >= set(EXPORTED)):
        raise UserError(
            f"{address} is not a model of ingan-fast: it has neither {', '.join(RUN)} nor {' and '.join(EXPORTED)}; "
            "give a repository made by ingan-fast push"
        )
    total = sum(size or 0 for size in sizes.values())
    if None in sizes.values() or total > MOST_BYTES:
        raise UserError(
            f"{address} has files of {total / 1e6:.0f} MB or of unknown size, and at most {MOST_BYTES / 1e6:.0f} MB "
            "are downloaded; it is hardly a model of ingan-fast"
        )
    return sorted(sizes)


def _cached(address: Address) -> Path | None:
    """The model as it was downloaded last."""
    from huggingface_hub import try_to_load_from_cache

    for files in (RUN, EXPORTED):
        found = [try_to_load_from_cache(address.repo, name, revision=address.revision) for name in files]
        if all(isinstance(path, str) for path in found):
            folder = Path(str(found[0])).parent
            return _model(folder, {path.name for path in folder.iterdir()})
    return None


def _model(folder: Path, names: set[str]) -> Path:
    run, exported = names >= set(RUN), names >= set(EXPORTED)
    if run and (importlib.util.find_spec("torch") is not None or not exported):
        return folder
    return folder / EXPORTED[0]
