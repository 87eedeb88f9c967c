"""Asks a running Vitrine for what an image must be able to answer, with the standard library.

python3 ask.py http://127.0.0.1:8000
python3 ask.py http://127.0.0.1:8000 --while-stopping PROCESS

The second sends SIGTERM to the process while a request is on its way, and expects its answer.
"""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import sys
import time
import zlib
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import pairwise
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

WIDTH, HEIGHT = 96, 64
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SECONDS = 60


def drawn_png() -> bytes:
    """Draw a disc before a slope of colours, as PNG."""
    rows = bytearray()
    for y in range(HEIGHT):
        rows.append(0)  # the row's filter: none
        for x in range(WIDTH):
            is_disc = (x - 60) ** 2 + (y - 30) ** 2 < 20**2
            rows += bytes((200, 60, 40) if is_disc else (x * 2, 120, 255 - y * 3))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b"")]
    return PNG_SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Give the chunks of a PNG; a wrong checksum is an error."""
    expect(data.startswith(PNG_SIGNATURE), "the heatmap is a PNG")
    chunks = []
    position = len(PNG_SIGNATURE)
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        content = data[position + 8 : position + 8 + length]
        expect(data[position : position + 12 + length] == _chunk(kind, content), "checksums hold")
        chunks.append((kind, content))
        position += 12 + length
    return chunks


@dataclass(frozen=True)
class Answer:
    """A response that came with status 200."""

    media_type: str
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 (JSON)
        """Give the body as JSON."""
        expect(self.media_type == "application/json", f"JSON, not {self.media_type}")
        return json.loads(self.body)


def ask(url: str, body: bytes | None = None, accept: str = "*/*") -> Answer:
    """Send a GET, or a POST of a PNG; a status other than 2xx raises HTTPError."""
    request = Request(url, data=body, headers={"Accept": accept, "Content-Type": "image/png"})  # noqa: S310
    with urlopen(request, timeout=SECONDS) as response:  # noqa: S310
        return Answer(response.headers.get_content_type(), response.read())


def expect(is_so: bool, what: str) -> None:
    """End the program where something is not so."""
    if not is_so:
        sys.exit(f"ask.py: expected: {what}")


def check_classify(url: str, picture: bytes) -> str:
    """Classify the picture and give the label predicted."""
    answer = ask(f"{url}/classify", picture).json()
    probabilities = [item["probability"] for item in answer["predictions"]]
    expect(all(a >= b for a, b in pairwise(probabilities)), "predictions, best first")
    expect(probabilities[0] > 0 and sum(probabilities) < 1.001, "probabilities")
    expect((answer["image"]["width"], answer["image"]["height"]) == (WIDTH, HEIGHT), "its size")
    return str(answer["predictions"][0]["label"])


def check_explain(url: str, picture: bytes, label: str) -> list[list[float]]:
    """Explain the prediction in JSON and give the scores."""
    answer = ask(f"{url}/explain", picture).json()
    expect(answer["target"]["label"] == label, f"the prediction, {label}, is explained")
    grid = answer["grid"]
    expect(len(answer["scores"]) == grid["rows"], "one row of scores a row of the grid")
    expect(all(len(row) == grid["columns"] for row in answer["scores"]), "a score a column")
    expect(any(score for row in answer["scores"] for score in row), "scores other than zero")
    scores: list[list[float]] = answer["scores"]
    return scores


def check_heatmap(url: str, picture: bytes, scores: list[list[float]]) -> tuple[int, int]:
    """Explain the prediction as a PNG, which carries the same scores, and give its size."""
    answer = ask(f"{url}/explain", picture, accept="image/png")
    expect(answer.media_type == "image/png", f"a PNG, not {answer.media_type}")
    chunks = png_chunks(answer.body)
    texts = [data for kind, data in chunks if kind in (b"tEXt", b"iTXt")]
    texts = [data for data in texts if data.startswith(b"vitrine\0")]
    expect(len(texts) == 1, "one text chunk named vitrine")
    found = json.loads(texts[0][texts[0].index(b"{") :])["scores"]
    expect(found == scores, "the scores in the PNG are those in JSON")
    width, height = struct.unpack_from(">II", dict(chunks)[b"IHDR"])
    return width, height


def check_page(url: str) -> int:
    """Load the page and the files that it names, and give their number."""
    answer = ask(f"{url}/")
    expect(answer.media_type == "text/html", f"a page, not {answer.media_type}")
    files = set(re.findall(r'(?:src|href)="(web/[^"]+)"', answer.body.decode()))
    expect(bool(files), "a page that names its files")
    for name in files:
        expect(bool(ask(f"{url}/{name}").body), f"{name} is not empty")
    return len(files)


def is_ready(url: str) -> bool:
    """Tell whether the service still takes requests."""
    try:
        return bool(ask(f"{url}/health/ready").body)
    except (URLError, ConnectionError):  # 503, or no longer listening
        return False


def check_stopping(url: str, picture: bytes, process: int) -> None:
    """Stop the service between the halves of a request's body, and expect the answer."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=SECONDS)
    connection.putrequest("POST", "/classify")
    connection.putheader("Content-Type", "image/png")
    connection.putheader("Content-Length", str(len(picture)))
    half = len(picture) // 2
    connection.endheaders(picture[:half])
    expect(is_ready(url), "ready before SIGTERM")  # and the first half was read meanwhile
    os.kill(process, signal.SIGTERM)
    started = time.monotonic()
    while is_ready(url):
        expect(time.monotonic() - started < SECONDS, "not ready after SIGTERM")
    connection.send(picture[half:])
    response = connection.getresponse()
    expect(response.status == 200, f"200, not {response.status}, to the request on its way")
    answer = json.loads(response.read())
    expect(bool(answer["predictions"]), "predictions for the request on its way")
    say(f"POST /classify, half sent at SIGTERM: {answer['predictions'][0]['label']}, with 200")


def main() -> None:
    """Ask for everything and say what was answered."""
    url = sys.argv[1].rstrip("/")
    picture = drawn_png()
    if sys.argv[2:3] == ["--while-stopping"]:
        check_stopping(url, picture, int(sys.argv[3]))
        return
    ready = ask(f"{url}/health/ready").json()
    expect(ready["status"] == "ready" and bool(ready["models"]), "ready, with a model")
    say(f"ready: {', '.join(item['name'] + ' ' + item['version'] for item in ready['models'])}")
    label = check_classify(url, picture)
    say(f"POST /classify: {label}")
    scores = check_explain(url, picture, label)
    say(f"POST /explain: {len(scores)} x {len(scores[0])} scores")
    width, height = check_heatmap(url, picture, scores)
    say(f"POST /explain, as PNG: {width} x {height} pixels with the same scores")
    say(f"GET /: the page and {check_page(url)} files that it names")


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
