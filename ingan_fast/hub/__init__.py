"""Models on the Hugging Face Hub (docs/hub.md): hf://OWNER/NAME, and sending runs there."""

from ingan_fast.hub.address import Address, is_address, parse_address
from ingan_fast.hub.download import fetch

__all__ = ["Address", "fetch", "is_address", "parse_address"]
