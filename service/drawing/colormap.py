"""Colour maps: what colour stands for what share of a scale.

Five sequential maps for scores that start somewhere, and one diverging map for scores with a sign.
"""

from __future__ import annotations

from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from service.engine import Floats

ColormapName = Literal["cividis", "viridis", "magma", "inferno", "turbo"]
AnyColormapName = Literal[ColormapName, "blue_orange"]
Colors = NDArray[np.uint8]

DIVERGING: Final = "blue_orange"
LEVELS = 256  # one a value of an 8-bit picture

STOPS: dict[AnyColormapName, str] = {  # each map at every 1/32 of its length, sRGB
    # Nunez, Anderton and Renslow, PLoS ONE 2018 (CC0): reads the same with and without colour
    # vision
    "cividis": (
        "00224e 00285b 002e6a 053371 1a386f 273e6e 32436d 3b496c 434e6c 4b546c 535a6d 5a5f6e "
        "61656f 686a71 6f7073 767676 7d7c78 838179 8b8778 928d78 9a9376 a29975 aaa073 b3a670 "
        "bbad6d c3b369 ccba64 d4c15f ddc858 e6d051 efd748 f8df3c fee838"
    ),
    # Smith, van der Walt and Firing for matplotlib, 2015 (CC0), and so are the next two
    "viridis": (
        "440154 470d60 48186a 482374 472d7b 453681 424086 3f4989 3b528b 375a8d 33638d 2f6a8e "
        "2c728e 297a8e 26818e 23898e 21908c 1f988b 1f9f88 21a685 28ae80 31b57b 3ebc74 4cc26c "
        "5dc963 6ece58 82d34c 96d83f abdc32 c0df24 d5e21a eae51a fde725"
    ),
    "magma": (
        "000004 030311 0a0822 130d33 1d1146 28115a 36106a 430f76 50127c 5d177f 691c81 762181 "
        "822681 8f2a81 9c2e7f a9327d b63779 c33b75 cf4170 db486a e65163 ee5c5e f5695c f9785d "
        "fb8761 fd9668 fea571 feb47b fec387 fed194 fde0a2 fceeb0 fcfdbf"
    ),
    "inferno": (
        "000004 040312 0b0724 150b37 210c4a 2e0a5a 3c0965 4a0c6b 57106d 63146e 70196e 7d1e6d "
        "89226a 962766 a32b61 af315c bb3755 c63e4d d14644 db4f3b e35932 eb6528 f1711e f67f14 "
        "f98d0a fb9c06 fcab0f fbba1f f9ca32 f5d949 f2e865 f3f586 fcffa4"
    ),
    # Mikhailov, Google, 2019 (Apache-2.0): a rainbow whose lightness rises and falls once
    "turbo": (
        "30123b 392a73 4040a1 4456c7 466be3 467ff6 4293ff 37a7fa 29bbec 1dcdd8 18dcc3 1ee8b0 "
        "31f299 4cf97e 6bfd64 8aff4d a3fd3c b8f735 cced34 dee037 edd03a f8c03a fdae35 fe982c "
        "fb8022 f56817 ec520f e04009 d23105 c02302 ac1701 950d01 7a0403"
    ),
    # Made for Vitrine: CIELAB lightness falls evenly from 94 at the centre to 50 at both ends, at
    # hue 262 (blue) and 60 (orange) degrees, where every kind of colour vision tells them apart;
    # chroma is 50 and 75 times distance^0.8, within sRGB
    "blue_orange": (
        "087dbb 0985c6 0a8cd0 2e93d5 469ad8 58a0db 68a7de 77aee1 85b5e4 92bce6 9fc3e9 accaeb "
        "b9d1ed c6d8ef d2e0f0 dfe7f0 eeeeee f4e3d9 f5d9c7 f5cfb7 f4c5a7 f2bc98 f0b38a eca97b "
        "e9a06d e5975f e18e52 dc8544 d77c36 d27428 cc6b17 c66303 bb5d02"
    ),
}


@cache
def lookup_table(name: AnyColormapName) -> Colors:
    """Give the colours of the 256 levels of a map: [256, 3], sRGB, not to be written to.

    Both levels in the middle of the diverging map are its centre, so that zero is neutral.
    """
    stops = np.frombuffer(bytes.fromhex(STOPS[name]), np.uint8).reshape(-1, 3)
    positions = np.linspace(0, 1, len(stops))
    channels = [np.interp(_places(name), positions, stops[:, channel]) for channel in range(3)]
    table: Colors = np.round(np.stack(channels, axis=-1)).astype(np.uint8)
    table.flags.writeable = False
    return table


def _places(name: AnyColormapName) -> NDArray[np.float64]:
    if name != DIVERGING:
        return np.linspace(0, 1, LEVELS)
    half = LEVELS // 2
    return np.concatenate([np.linspace(0, 0.5, half), np.linspace(0.5, 1, half)])


def nearest_levels(shares: Floats) -> NDArray[np.uint8]:
    """Give the nearest of 256 levels of shares; 0.5 is the upper of the two in the middle.

    Shares beyond 0 or 1 have the level of that end.
    """
    nearest: NDArray[np.uint8] = np.floor(np.clip(shares, 0, 1) * (LEVELS - 1) + 0.5).astype(
        np.uint8
    )
    return nearest


def color(shares: Floats, name: AnyColormapName) -> Colors:
    """Give the colours of shares in [0, 1]: [..., 3], sRGB."""
    colors: Colors = lookup_table(name)[nearest_levels(shares)]
    return colors
