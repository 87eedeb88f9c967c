"""From bytes to pixel values: the promises that hold for every picture."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from service.contract import Preprocessing
from service.crop import crop_box, crop_corner, resized_size
from service.decoding import (
    FORMATS,
    MOST_SCANS,
    ORIENTATION_TAG,
    TRANSPOSITIONS,
    ImageLimits,
    decode_image,
)
from service.errors import InvalidInput, PayloadTooLarge, UnreadableImage, UnsupportedMediaType
from service.preprocess import INTERPOLATIONS, fit, pixel_values, preprocess
from tests.service.pictures import draw, encode, header_bomb

LIMITS = ImageLimits()
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16")
TOLERANCE_LEVELS = 12  # of 255, in the worst place of a picture that is not decoded in full
MEAN_TOLERANCE_LEVELS = 1
few = settings(deadline=None, max_examples=60)

sides = st.integers(1, 300)


@st.composite
def rules(draw_value) -> Preprocessing:
    size = draw_value(st.tuples(st.integers(1, 64), st.integers(1, 64)))
    crop = tuple(draw_value(st.integers(1, side)) for side in size)
    return Preprocessing(
        resize=draw_value(st.sampled_from(["shortest_edge", "exact"])),
        size=size,
        crop=crop,
        interpolation=draw_value(st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"])),
        crop_after_resizing=draw_value(st.booleans()),
        crop_rounding=draw_value(st.sampled_from(["down", "even"])),
        mean=draw_value(st.tuples(*[st.floats(0, 1)] * 3)),
        std=draw_value(st.tuples(*[st.floats(0.05, 1)] * 3)),
    )


def square(side: int = 32, **changes: object) -> Preprocessing:
    values = {"size": (side, side), "crop": (side, side), "mean": (0, 0, 0), "std": (1, 1, 1)}
    return Preprocessing(**{**values, **changes})


def png_of_mode(mode: str, picture: Image.Image) -> bytes:
    if mode == "I;16":
        levels = np.asarray(picture.convert("L")).astype(np.uint16) * 257
        return encode(Image.fromarray(levels))
    return encode(picture.convert(mode), "TIFF" if mode == "CMYK" else "PNG")


@few
@given(width=sides, height=sides, mode=st.sampled_from(MODES), rule=rules())
def test_any_picture_becomes_finite_pixel_values_within_the_models_range(
    width: int, height: int, mode: str, rule: Preprocessing
) -> None:
    pixels = preprocess(png_of_mode(mode, draw(width, height)), rule, LIMITS)[1]
    assert pixels.shape == (3, *rule.crop)
    assert pixels.dtype == np.float32
    assert pixels.flags.c_contiguous
    assert np.isfinite(pixels).all()
    for channel, mean, std in zip(pixels, rule.mean, rule.std, strict=True):
        assert channel.min() >= (0 - mean) / std - 1e-4
        assert channel.max() <= (1 - mean) / std + 1e-4


@few
@given(width=st.integers(1, 10**6), height=st.integers(1, 10**6), rule=rules())
def test_the_resized_picture_just_covers_the_size(width, height, rule) -> None:
    rows, columns = resized_size(width, height, rule)
    assert rows >= rule.size[0]
    assert columns >= rule.size[1]
    assert rows == rule.size[0] or columns == rule.size[1]


@few
@given(width=st.integers(1, 10**6), height=st.integers(1, 10**6), rule=rules())
def test_the_resized_picture_keeps_its_aspect_to_a_pixel(width, height, rule) -> None:
    rows, columns = resized_size(width, height, rule)
    if rule.resize == "shortest_edge":
        scale = max(rule.size[0] / height, rule.size[1] / width)
        assert abs(rows - height * scale) <= 1
        assert abs(columns - width * scale) <= 1


@few
@given(width=st.integers(1, 10**5), height=st.integers(1, 10**5), rule=rules())
def test_the_crop_box_lies_inside_the_picture(width, height, rule) -> None:
    left, top, right, bottom = crop_box(width, height, rule)
    assert 0 <= left < right <= width * (1 + 1e-9)
    assert 0 <= top < bottom <= height * (1 + 1e-9)


@few
@given(width=st.integers(64, 4000), height=st.integers(64, 4000), side=st.integers(64, 256))
def test_the_crop_box_has_the_crops_aspect(width, height, side) -> None:
    left, top, right, bottom = crop_box(width, height, square(side))
    assert (right - left) / (bottom - top) == pytest.approx(1, rel=1 / side)


@few
@given(width=sides, height=sides, color=st.tuples(*[st.integers(0, 255)] * 3), rule=rules())
def test_a_picture_of_one_colour_gives_pixel_values_of_one_colour(
    width, height, color, rule
) -> None:
    decoded = decode_image(encode(Image.new("RGB", (width, height), color)), LIMITS)
    pixels = pixel_values(fit(decoded, rule), rule)
    expected = (np.array(color) / 255 - rule.mean) / rule.std
    np.testing.assert_allclose(
        pixels, np.broadcast_to(expected[:, None, None], pixels.shape), atol=1e-4
    )


def full_path(data: bytes, rule: Preprocessing) -> NDArray[np.int16]:
    """Decode every pixel and resize them all."""
    image = decode_image(data, LIMITS).image
    box = crop_box(*image.size, rule)
    size = rule.crop[1], rule.crop[0]
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box), np.int16)


def assert_close_to_the_full_path(data: bytes, rule: Preprocessing) -> None:
    fitted = fit(decode_image(data, LIMITS, at_least=rule.size), rule)
    difference = np.abs(np.asarray(fitted, np.int16) - full_path(data, rule))
    assert difference.mean() < MEAN_TOLERANCE_LEVELS
    assert difference.max() <= TOLERANCE_LEVELS


@cache
def textured(width: int, height: int, seed: int = 0) -> Image.Image:
    """Draw a picture with edges of every size, as photographs have."""
    picture = np.zeros((height, width, 3), np.float32)
    random = np.random.default_rng(seed)
    for side in (3, 9, 27, 81, 243):
        coarse = Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=np.uint8))
        picture += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) / side**0.8
    return Image.fromarray((picture * 255 / picture.max()).astype(np.uint8))


@few
@given(width=st.integers(1, 900), height=st.integers(1, 900), seed=st.integers(0, 99))
def test_a_jpeg_decoded_at_reduced_scale_stays_close_to_the_full_path(width, height, seed) -> None:
    data = encode(draw(width, height, seed), "JPEG", quality=95)
    decoded = decode_image(data, LIMITS, at_least=(32, 32))
    assert (decoded.width, decoded.height) == (width, height)
    assert_close_to_the_full_path(data, square(32))


@pytest.mark.parametrize("side", [32, 224])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize(
    "options",
    [
        {"quality": 75},
        {"quality": 95, "subsampling": "4:4:4"},
        {"quality": 85, "progressive": True},
    ],
    ids=str,
)
def test_a_large_jpeg_of_any_kind_stays_close_to_the_full_path(side, mode, options) -> None:
    picture = textured(1003, 905).convert(mode)
    assert_close_to_the_full_path(encode(picture, "JPEG", **options), square(side))


@pytest.mark.parametrize("orientation", TRANSPOSITIONS)
def test_a_turned_jpeg_at_reduced_scale_stays_close_to_the_full_path(orientation) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    # 1/8 of these sides is no whole number of pixels: the last ones are partly empty
    data = encode(textured(521, 529), "JPEG", quality=90, exif=exif)
    assert_close_to_the_full_path(data, square(32))


@pytest.mark.parametrize("side", [32, 64])
@pytest.mark.parametrize("size", [(1799, 1799), (1300, 1101)])
def test_a_large_picture_of_another_format_stays_close_to_the_full_path(side, size) -> None:
    assert_close_to_the_full_path(encode(textured(*size), "BMP"), square(side))


def test_a_large_jpeg_is_decoded_at_reduced_scale() -> None:
    decoded = decode_image(encode(draw(1600, 1200), "JPEG"), LIMITS, at_least=(32, 32))
    assert (decoded.width, decoded.height) == (1600, 1200)
    assert decoded.image.width == 200


def test_resizing_the_box_alone_equals_resizing_all_and_cropping() -> None:
    rule = square(64, crop=(48, 40))
    decoded = decode_image(encode(draw(300, 190)), LIMITS)
    rows, columns = resized_size(300, 190, rule)
    whole = decoded.image.resize((columns, rows), Image.Resampling.BICUBIC)
    left, top = (columns - 40) // 2, (rows - 48) // 2
    expected = np.asarray(whole.crop((left, top, left + 40, top + 48)), int)
    assert np.abs(np.asarray(fit(decoded, rule), int) - expected).max() <= 1


@pytest.mark.parametrize("size", [(300, 190), (190, 300), (224, 298), (40, 50)])
@pytest.mark.parametrize("rounding", ["down", "even"])
@pytest.mark.parametrize("resize", ["shortest_edge", "exact"])
def test_cropping_after_resizing_gives_the_very_pixels_of_resizing_all(
    size, rounding, resize
) -> None:
    rule = square(
        64, resize=resize, crop=(47, 39), crop_after_resizing=True, crop_rounding=rounding
    )
    decoded = decode_image(encode(draw(*size)), LIMITS)
    rows, columns = resized_size(*size, rule)
    whole = decoded.image.resize((columns, rows), Image.Resampling.BICUBIC)
    half = {
        "down": lambda left_over: left_over // 2,
        "even": lambda left_over: round(left_over / 2),
    }
    left, top = half[rounding](columns - 39), half[rounding](rows - 47)
    expected = np.asarray(whole.crop((left, top, left + 39, top + 47)))
    np.testing.assert_array_equal(np.asarray(fit(decoded, rule)), expected)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_a_picture_of_the_models_own_size_is_what_resizing_would_give(
    image_format, interpolation
) -> None:
    rule = square(48, interpolation=interpolation)
    decoded = decode_image(encode(draw(48, 48), image_format), LIMITS, at_least=rule.size)
    resized = decoded.image.resize((48, 48), INTERPOLATIONS[interpolation], box=(0, 0, 48, 48))
    np.testing.assert_array_equal(np.asarray(fit(decoded, rule)), np.asarray(resized))


@pytest.mark.parametrize(
    ("picture", "size", "crop"),  # (rows, columns)
    [
        ((32, 48), (32, 48), (32, 48)),
        ((48, 32), (32, 48), (32, 48)),
        ((48, 48), (48, 48), (32, 32)),
        ((32, 32), (48, 48), (32, 32)),
    ],
)
@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_a_picture_is_taken_as_it_is_where_nothing_is_resized_or_cropped(
    image_format, picture, size, crop
) -> None:
    rule = square(size=size, crop=crop)
    decoded = decode_image(encode(draw(*picture[::-1]), image_format), LIMITS, at_least=size)
    fitted = fit(decoded, rule)
    assert fitted.size == crop[::-1]
    assert (fitted is decoded.image) == (picture == size == crop)


def test_a_picture_that_was_decoded_at_reduced_scale_is_not_taken_as_it_is() -> None:
    rule = square(48)
    decoded = decode_image(encode(draw(48, 48), "JPEG"), LIMITS, at_least=(8, 8))
    assert decoded.image.size == (24, 24)
    assert fit(decoded, rule).size == (48, 48)


@pytest.mark.parametrize(("left_over", "corner"), [(0, 0), (1, 0), (2, 1), (3, 2), (5, 2), (7, 4)])
def test_half_a_pixel_left_over_goes_to_the_even_one(left_over, corner) -> None:
    rule = square(32, crop_rounding="even")
    assert crop_corner(32 + left_over, 32, rule) == (corner, 0)


@pytest.mark.parametrize("crop_after_resizing", [False, True])
@pytest.mark.parametrize("size", [(100_000, 1), (1, 100_000)])
def test_an_extremely_thin_picture_takes_no_more_memory_than_another(
    size, crop_after_resizing
) -> None:
    rule = square(224, crop_after_resizing=crop_after_resizing)
    fitted = fit(decode_image(encode(Image.new("RGB", size, (9, 8, 7))), LIMITS), rule)
    assert fitted.getcolors() == [(224 * 224, (9, 8, 7))]


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_gives_the_pixels_of_the_upright_picture(
    image_format, orientation
) -> None:
    upright = draw(48, 32)
    stored = upright
    if orientation in TRANSPOSITIONS:
        undo = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
        stored = upright.transpose(undo.get(orientation, TRANSPOSITIONS[orientation]))
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
    data = encode(stored, image_format, exif=exif, **options.get(image_format, {}))
    decoded = decode_image(data, LIMITS)
    assert (decoded.width, decoded.height) == decoded.image.size == (48, 32)
    assert decoded.orientation_applied == (orientation != 1)
    difference = np.asarray(decoded.image, int) - np.asarray(upright, int)
    assert np.abs(difference).max() <= (4 if image_format == "JPEG" else 0)


@pytest.mark.parametrize("value", [0, 9, 65_535])
def test_an_orientation_that_does_not_exist_is_none(value) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = value
    assert not decode_image(encode(draw(), "JPEG", exif=exif), LIMITS).orientation_applied


def colors_of(data: bytes, background: tuple[int, int, int] = (255, 255, 255)) -> list:
    return decode_image(data, LIMITS, background).image.getcolors()


def test_grey_becomes_equal_channels() -> None:
    assert colors_of(encode(Image.new("L", (4, 4), 77))) == [(16, (77, 77, 77))]


def test_one_bit_becomes_black_and_white() -> None:
    assert colors_of(encode(Image.new("1", (4, 4), 1))) == [(16, (255, 255, 255))]


def test_a_palette_becomes_its_colours() -> None:
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    assert colors_of(encode(picture)) == [(16, (10, 20, 30))]


def test_a_transparent_palette_entry_shows_the_background() -> None:
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    assert colors_of(encode(picture, transparency=1), (1, 2, 3)) == [(16, (1, 2, 3))]


@pytest.mark.parametrize(("mode", "color"), [("RGBA", (200, 0, 0, 0)), ("LA", (200, 0))])
def test_transparent_pixels_show_the_background(mode, color) -> None:
    assert colors_of(encode(Image.new(mode, (4, 4), color)), (1, 2, 3)) == [(16, (1, 2, 3))]


def test_half_transparent_pixels_are_blended_with_the_background() -> None:
    picture = Image.new("RGBA", (4, 4), (255, 0, 0, 128))
    assert colors_of(encode(picture)) == [(16, (255, 127, 127))]


def test_a_cmyk_jpeg_becomes_rgb() -> None:
    picture = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    (_, color), *others = colors_of(encode(picture, "JPEG", quality=100))
    assert not others
    assert np.abs(np.array(color) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_high_byte(image_format) -> None:
    levels = np.full((4, 4), 0xA1B2, np.uint16)
    assert colors_of(encode(Image.fromarray(levels), image_format)) == [(16, (0xA1,) * 3)]


@pytest.mark.parametrize("image_format", ["GIF", "WEBP"])
def test_an_animation_gives_its_first_frame(image_format) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ((255, 0, 0), (0, 255, 0))]
    data = encode(
        frames[0], image_format, save_all=True, append_images=frames[1:], duration=50, lossless=True
    )
    decoded = decode_image(data, LIMITS)
    assert decoded.format == image_format
    (_, color), *others = decoded.image.getcolors()
    assert not others
    assert color[0] > 250
    assert color[1] < 5


@pytest.mark.parametrize("image_format", FORMATS)
def test_every_format_of_the_allow_list_is_read(image_format) -> None:
    assert decode_image(encode(draw(), image_format), LIMITS).format == image_format


@pytest.mark.parametrize(
    "data",
    [
        b"hello, I am text",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>',
        b"P5 2 2 255 abcd",
        b"\0" * 64,
    ],
)
def test_what_is_not_in_the_allow_list_is_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedMediaType, match="JPEG, PNG"):
        decode_image(data, LIMITS)


def test_no_bytes_are_invalid_input() -> None:
    with pytest.raises(InvalidInput, match="0 bytes"):
        decode_image(b"", LIMITS)


def test_too_many_bytes_are_refused_unread() -> None:
    with pytest.raises(PayloadTooLarge, match="11 bytes, more than 10"):
        decode_image(b"not a photo", ImageLimits(max_bytes=10))


@pytest.mark.parametrize("size", [(60_000, 60_000), (10_000, 9_000), (7_072, 7_072)])
def test_too_many_pixels_are_refused_undecoded(size) -> None:
    with pytest.raises(PayloadTooLarge, match="50,000,000"):
        decode_image(header_bomb(*size), LIMITS)


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_truncated_file_of_any_format_is_an_error_of_the_caller(image_format) -> None:
    random = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = encode(Image.fromarray(random), image_format)
    for share in (0.02, 0.2, 0.5, 0.9):
        data = whole[: max(1, int(len(whole) * share))]
        with suppress(UnreadableImage, UnsupportedMediaType, PayloadTooLarge):
            decode_image(data, LIMITS)  # some decoders give what they have


@settings(deadline=None, max_examples=150)
@given(
    image_format=st.sampled_from(FORMATS),
    place=st.floats(0, 1, exclude_max=True),
    noise=st.binary(min_size=1, max_size=8),
)
def test_a_damaged_file_is_never_more_than_an_error_of_the_caller(
    image_format, place, noise
) -> None:
    data = bytearray(encode(draw(24, 24), image_format))
    start = int(place * len(data))
    data[start : start + len(noise)] = noise
    with suppress(UnreadableImage, UnsupportedMediaType, PayloadTooLarge):
        decode_image(bytes(data), LIMITS)


def test_floating_point_pixels_are_refused_since_their_range_is_unknown() -> None:
    picture = Image.fromarray(np.zeros((4, 4), np.float32))
    with pytest.raises(UnreadableImage, match="floating-point"):
        decode_image(encode(picture, "TIFF"), LIMITS)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning")
def test_broken_metadata_is_no_reason_to_refuse_a_good_picture() -> None:
    buffer = io.BytesIO()
    draw().save(buffer, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12\0\xff" * 4)
    assert not decode_image(buffer.getvalue(), LIMITS).orientation_applied


def with_scans(count: int) -> bytes:
    """Give a progressive JPEG whose last scan is written over and over."""
    data = encode(draw(64, 64), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * (count - data.count(b"\xff\xda") + 1) + data[-2:]


def test_a_jpeg_of_as_many_scans_as_encoders_write_is_read() -> None:
    data = with_scans(MOST_SCANS)
    assert data.count(b"\xff\xda") == MOST_SCANS
    assert decode_image(data, LIMITS).format == "JPEG"


@pytest.mark.parametrize("between", [b"", b"\xff\xfe\x00\x04\xff\xd9"], ids=["plain", "comment"])
def test_a_jpeg_of_many_scans_which_take_long_is_refused(between) -> None:
    data = with_scans(MOST_SCANS)
    start = data.rindex(b"\xff\xda")
    with pytest.raises(UnreadableImage, match="more than 40 scans"):
        decode_image(data[:-2] + between + data[start:], LIMITS)


def test_what_follows_a_jpeg_does_not_count_as_its_scans() -> None:
    data = with_scans(12) + b"\xff\xda video" * 100
    assert decode_image(data, LIMITS).format == "JPEG"


COUNTED_WHILE_DECODING = """
import io, os, threading
import numpy as np
from PIL import Image
from service.decoding import ImageLimits, decode_image, decode_in_calling_thread

noise = np.random.default_rng(0).integers(0, 255, (1500, 2000, 3), dtype=np.uint8)
encoded = io.BytesIO()
Image.fromarray(noise).save(encoded, "AVIF", speed=10, quality=40, max_threads=1)
decode_in_calling_thread()
counts, done = [], threading.Event()

def watch():
    while not done.is_set():
        counts.append(len(os.listdir("/proc/self/task")))

watcher = threading.Thread(target=watch)
watcher.start()
alone = len(os.listdir("/proc/self/task"))
decode_image(encoded.getvalue(), ImageLimits())
done.set()
watcher.join()
print(max(counts) - alone)
"""


@pytest.mark.skipif("AVIF" not in FORMATS, reason="this Pillow was built without AVIF")
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_avif_is_decoded_without_threads_of_its_own():
    ended = subprocess.run(
        [sys.executable, "-c", COUNTED_WHILE_DECODING], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "0"
