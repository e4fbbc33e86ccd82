"""Trained models that come with the package: models/ in a checkout, ingan_fast/models when installed."""

from pathlib import Path

from ingan_fast.errors import UserError

PACKAGE = Path(__file__).parent


def pretrained(name: str) -> Path:
    """The run folder of a trained model that comes with the package, for `load` and `Retargeter.open`.

        >>> trained = load(pretrained("market"))

    models/README.md tells what each model has learned, and how well.

    Args:
        name: market.

    Raises:
        UserError: there is no such model.
    """
    models = _models()
    if name not in models:
        raise UserError(f"there is no pretrained model {name[:60]!r}; choose one of: {', '.join(models)}")
    return models[name]


def _models() -> dict[str, Path]:
    """The run folders by name."""
    installed = PACKAGE / "models"
    folder = installed if installed.is_dir() else PACKAGE.parent / "models"
    return {path.parent.name: path.parent for path in sorted(folder.glob("*/config.json"))}
