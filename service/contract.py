"""The bundle's contract: everything the service must know to serve a model, in `contract.json`.

A bundle is the only thing that passes from `model/` to `service/`. `bundle.py` checks it without
running it; `golden.py` then checks that it gives the numbers it was exported with.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from service import __version__
from service.architecture import Architecture, PixelSize
from service.errors import ContractError
from service.explanation.methods import DEFAULT_METHOD, MethodName
from service.graphs import Graphs, GraphSpec
from service.record import Explanations, Merging, Precision, PrecisionName, Provenance, Value

CONTRACT_FILE = "contract.json"
GOLDEN_FILE = "golden.npz"
WEIGHTS_FILE = "weights.safetensors"
SHAPE_KEY = "vitrine.model"  # where the weights file tells the shape that they belong to
SCHEMA_VERSION = 2
NEWER_REMEDY = (
    "a newer Vitrine made the bundle: upgrade this one, or export the run folder of its training "
    "again with this one"
)
OLDER_REMEDY = (
    "export the run folder of its training again, or serve it with the version of Vitrine that "
    "made it"
)

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class Preprocessing(Value):
    """How a picture becomes pixel values; sizes are (rows, columns) in pixels.

    `shortest_edge` keeps the aspect and just covers `size`; `exact` stretches to it. Then the
    centre is cropped to `crop`, and each channel becomes `(level * rescale - mean) / std`.
    """

    resize: Literal["shortest_edge", "exact"] = "shortest_edge"
    size: PixelSize
    crop: PixelSize
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bicubic"
    rescale: float = 1 / 255
    mean: tuple[float, float, float]
    std: tuple[
        Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]
    ]
    background: tuple[int, int, int] = Field(
        default=(255, 255, 255), description="The colour behind transparent pixels"
    )
    crop_after_resizing: bool = Field(
        default=False,
        description="Resize the whole picture before the crop is cut out, as public libraries do. "
        "Resizing the crop alone is faster, and rounds otherwise where Pillow orders its two "
        "passes otherwise",
    )
    crop_rounding: Literal["down", "even"] = Field(
        default="down",
        description="Where the crop begins when half a pixel is left over: before it, as in "
        "transformers, or at the even pixel, as in torchvision and timm",
    )

    @model_validator(mode="after")
    def crop_fits(self) -> Self:
        if self.crop[0] > self.size[0] or self.crop[1] > self.size[1]:
            raise ValueError(f"crop {self.crop} is larger than size {self.size}")
        return self


class Contract(Value):
    """The whole of `contract.json`."""

    schema_version: Literal[2] = 2
    name: Name
    version: Name
    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    preprocessing: Preprocessing
    architecture: Architecture
    graphs: Graphs
    precisions: dict[PrecisionName, Precision]
    provenance: Provenance
    merging: Merging | None = Field(
        default=None, description="How patches are merged on the way, if they are"
    )
    explanations: Explanations | None = None
    files: dict[str, Digest] = Field(description="Digest of every other file of the bundle")

    @property
    def default_method(self) -> MethodName:
        """The method that explains where none is named."""
        return self.explanations.default_method if self.explanations else DEFAULT_METHOD

    def classify_graph(self, precision: PrecisionName) -> GraphSpec:
        """Give the classify graph in a number format. Raises ContractError where there is none."""
        if precision == "fp32":
            return self.graphs.classify
        found = self.precisions.get(precision)
        if found is None:
            raise ContractError(
                f"model {self.name} {self.version} has no {precision} graph, only "
                f"{', '.join(self.precisions)}; take one of these, or make it with "
                f"'vitrine-model quantize BUNDLE --data DATA --precision {precision}'"
            )
        return self.graphs.classify.model_copy(update={"file": found.file})

    @field_validator("schema_version", mode="before")
    @classmethod
    def is_of_this_service(cls, value: object) -> object:
        if value != SCHEMA_VERSION:
            is_newer = isinstance(value, int) and value > SCHEMA_VERSION
            raise ValueError(
                f"Vitrine {__version__} reads schema_version {SCHEMA_VERSION}, not {value!r}; "
                + (NEWER_REMEDY if is_newer else OLDER_REMEDY)
            )
        return value

    @model_validator(mode="after")
    def parts_agree(self) -> Self:
        problems = [*self._disagreements(), *self._graph_disagreements()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _disagreements(self) -> Iterator[str]:
        if repeated := sorted({label for label in self.labels if self.labels.count(label) > 1}):
            yield f"labels are not unique: {', '.join(repeated)}"
        if self.preprocessing.crop != self.architecture.image_size:
            yield (
                f"preprocessing.crop {self.preprocessing.crop} is not "
                f"architecture.image_size {self.architecture.image_size}"
            )
        if self.merging and (others := [name for name in self.graphs.named if name != "classify"]):
            yield (
                f"merging is stated beside graphs of the model without: {', '.join(others)}; "
                "what they show is not how it answers"
            )
        graphs = [graph.file for graph in self.graphs.named.values()]
        named = [
            GOLDEN_FILE,
            *graphs,
            *(precision.file for precision in self.precisions.values()),
            *([WEIGHTS_FILE] if self.graphs.trace else []),  # a trace shows parameters too
        ]
        if missing := sorted({file for file in named if file not in self.files}):
            yield f"files has no digest of {', '.join(missing)}"
        if outside := [file for file in self.files if PurePosixPath(file).name != file]:
            yield f"files must be plain names, not {', '.join(outside)}"

    def _graph_disagreements(self) -> Iterator[str]:
        """Compare the graphs' tensors with what labels and architecture make of them."""
        classes, shape = (len(self.labels),), self.architecture
        patches, walked = (shape.patches,), (shape.depth, shape.patches)
        pixels = {"pixel_values": (3, *shape.image_size)}
        expected: dict[str, dict[str, tuple[int, ...]]] = {
            "classify": {**pixels, "logits": classes, "readout": (shape.readout_width,)},
            "explain": {
                **pixels,
                "logit_weights": classes,
                "layer_weights": classes,
                "logits": classes,
                "relevance": walked,
                "counter_relevance": walked,
                "class_activation": patches,
                "patch_gradient": (*patches, 3 * shape.patch_size**2),
                "layer_evidence": patches,
                "token_norms": patches,
            },
            "attend": {
                **pixels,
                "keep": (),
                "logits": classes,
                "attention": (shape.depth, shape.heads),
                "token_norms": (),
            },
            "trace": {**pixels, "layer": (), **self._traced()},
        }
        for kind, graph in self.graphs.named.items():
            stated, fitting = graph.fixed_sizes, expected[kind]
            names = sorted({*stated, *fitting})
            if wrong := [name for name in names if stated.get(name) != fitting.get(name)]:
                yield f"graphs.{kind} does not fit labels and architecture: {', '.join(wrong)}"

    def _traced(self) -> dict[str, tuple[int, ...]]:
        """Give the sizes that labels and architecture make of a trace's tensors, for one image.

        How wide the feed-forward is inside, the graph alone says.
        """
        shape, classes = self.architecture, len(self.labels)
        tokens, grid, width = shape.tokens, shape.patches, shape.width
        stated = self.graphs.trace.fixed_sizes if self.graphs.trace else {}
        inside = (tokens, *stated.get("hidden", ())[1:])
        of_head, mixed = (shape.heads, tokens, width // shape.heads), (shape.heads, tokens, tokens)
        of_tokens = (
            "embedded", "tokens", "norm1", "merged", "projection", "attended", "norm2",
            "feed_forward", "output",
        )  # fmt: skip
        last = {"pooled": (width,)} if shape.norm_after_pooling else {"norm": (tokens, width)}
        return {
            **last,
            **dict.fromkeys(of_tokens, (tokens, width)),
            **dict.fromkeys(("query", "key", "value", "context"), of_head),
            **dict.fromkeys(("scores", "attention"), mixed),
            **dict.fromkeys(("hidden", "activation"), inside),
            "patches": (grid, 3 * shape.patch_size**2),
            "patch_embeddings": (grid, width),
            "readout": (shape.readout_width,),
            "logits": (classes,),
            "readout_attention": (shape.depth, shape.heads, grid),
            "layer_logits": (shape.depth, classes),
            "token_norms": (shape.depth, tokens),
        }


def contract_schema() -> dict[str, Any]:
    """Give the JSON Schema of `contract.json`."""
    return Contract.model_json_schema()
