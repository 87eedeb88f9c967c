"""What the protocol says of the server and of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from service.contract import Contract
from service.open_inference.images import IMAGE, PIXEL_VALUES

PLATFORM = "onnxruntime_onnx"
EXTENSIONS = (
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
)
ANY = -1  # a size that the request chooses


class ServerMetadata(BaseModel):
    """The server: its name, its version, and the extensions of the protocol that it knows."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(BaseModel):
    """An input or output; -1 is a size that the request chooses."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """A model with its tensors. One of the inputs is sent, not both."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class RepositoryEntry(BaseModel):
    """A model version that is served."""

    name: str
    version: str
    state: str = Field(examples=["READY"])
    reason: str


class ModelReadiness(BaseModel):
    """Whether a model answers."""

    name: str
    ready: bool


class ServerReadiness(BaseModel):
    """Whether requests are answered."""

    ready: bool


class ServerLiveness(BaseModel):
    """Whether the process answers at all."""

    live: bool


class ModelConfiguration(BaseModel):
    """A model's configuration in Triton's words; `dims` leave out the images."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    platform: str
    backend: str
    max_batch_size: int
    input: list[dict[str, Any]]
    output: list[dict[str, Any]]


def model_metadata(contract: Contract, versions: Sequence[str]) -> ModelMetadata:
    """Describe a model; `versions` are those served of its name."""
    classes, shape = len(contract.labels), contract.architecture
    return ModelMetadata(
        name=contract.name,
        versions=list(versions),
        platform=PLATFORM,
        inputs=[
            TensorMetadata(name=PIXEL_VALUES, datatype="FP32", shape=[ANY, 3, *shape.image_size]),
            TensorMetadata(name=IMAGE, datatype="BYTES", shape=[ANY]),
        ],
        outputs=[
            TensorMetadata(name="logits", datatype="FP32", shape=[ANY, classes]),
            TensorMetadata(name="probabilities", datatype="FP32", shape=[ANY, classes]),
            TensorMetadata(name="readout", datatype="FP32", shape=[ANY, shape.readout_width]),
            TensorMetadata(name="labels", datatype="BYTES", shape=[ANY, classes]),
        ],
    )


def model_configuration(contract: Contract, max_images: int) -> ModelConfiguration:
    """Describe a model as Triton's configuration does."""
    metadata = model_metadata(contract, [contract.version])
    types = {"FP32": "TYPE_FP32", "BYTES": "TYPE_STRING"}

    def described(tensor: TensorMetadata) -> dict[str, Any]:
        dims = tensor.shape[1:] or [1]
        return {"name": tensor.name, "data_type": types[tensor.datatype], "dims": dims}

    return ModelConfiguration(
        name=contract.name,
        platform=PLATFORM,
        backend="onnxruntime",
        max_batch_size=max_images,
        input=[described(tensor) | {"optional": True} for tensor in metadata.inputs],
        output=[described(tensor) for tensor in metadata.outputs],
    )
