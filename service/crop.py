"""Which part of a picture the model sees, by the contract's rule of resizing and cropping."""

from __future__ import annotations

from service.contract import Preprocessing

Box = tuple[float, float, float, float]  # left, top, right, bottom


def resized_size(width: int, height: int, preprocessing: Preprocessing) -> tuple[int, int]:
    """Give (rows, columns) of a width x height picture after resizing, before the crop."""
    rows, columns = preprocessing.size
    if preprocessing.resize == "exact":
        return rows, columns
    if rows * width >= columns * height:  # the height is the edge that must cover
        return rows, max(columns, rows * width // height)
    return max(rows, columns * height // width), columns


def crop_corner(rows: int, columns: int, preprocessing: Preprocessing) -> tuple[int, int]:
    """Give the (top, left) corner of the crop in a picture resized to rows x columns."""
    left_over = rows - preprocessing.crop[0], columns - preprocessing.crop[1]
    if preprocessing.crop_rounding == "even":
        return round(left_over[0] / 2), round(left_over[1] / 2)  # Python rounds halves to even
    return left_over[0] // 2, left_over[1] // 2


def crop_box(width: int, height: int, preprocessing: Preprocessing) -> Box:
    """Give the part that the model sees, in the original's pixels: (left, top, right, bottom)."""
    rows, columns = resized_size(width, height, preprocessing)
    top, left = crop_corner(rows, columns, preprocessing)
    vertical, horizontal = height / rows, width / columns
    return (
        left * horizontal,
        top * vertical,
        (left + preprocessing.crop[1]) * horizontal,
        (top + preprocessing.crop[0]) * vertical,
    )
