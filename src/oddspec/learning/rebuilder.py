"""Networks that rebuild spectra, and how each spectrum changes on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from oddspec.learning.networks import Network

__all__ = ["Rebuilder"]


@dataclass(frozen=True)
class Rebuilder:
    """An encoder, a decoder and a second encoder, trained, in NumPy arrays."""

    encoder: Network
    decoder: Network
    second: Network
    """Encodes reconstructed spectra: the decoder's transpose, or a network of its own."""

    def difference(self, scaled: Any, *, latent: bool, absolute: bool) -> Any:
        """What a spectrum x and its reconstruction x^ differ by, one row per pixel, in float64.

        Parameters
        ----------
        scaled
            ``(n, b)``: pixels on the scale that the networks know, as an array of any library.
        latent
            Encoded, ``z - E(x^)`` with z = G_E(x), instead of ``x - x^``.
        absolute
            Without its sign.
        """
        xp = array_namespace(scaled)
        single = xp.astype(scaled, xp.float32)
        code = self.encoder(single)
        again = self.decoder(code)
        difference = code - self.second(again) if latent else single - again
        return xp.astype(xp.abs(difference) if absolute else difference, xp.float64)
