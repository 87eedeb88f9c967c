"""The graphs of a bundle, as its contract states them: files, inputs and outputs."""

from __future__ import annotations

from typing import Literal

from service.record import Value

GraphName = Literal["classify", "explain", "attend", "trace"]


class TensorSpec(Value):
    """A graph's input or output; a name in the shape stands for a size chosen at run time."""

    name: str
    dtype: Literal["float32", "int64"] = "float32"
    shape: tuple[int | str, ...]


class GraphSpec(Value):
    """A graph file with its inputs and outputs."""

    file: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @property
    def fixed_sizes(self) -> dict[str, tuple[int, ...]]:
        """The sizes of each input and output that are the same at every run."""
        return {
            tensor.name: tuple(size for size in tensor.shape if isinstance(size, int))
            for tensor in (*self.inputs, *self.outputs)
        }


class Graphs(Value):
    """The graphs of a bundle."""

    classify: GraphSpec
    explain: GraphSpec | None = None
    attend: GraphSpec | None = None
    trace: GraphSpec | None = None

    @property
    def named(self) -> dict[str, GraphSpec]:
        """Those that the bundle has."""
        graphs = {
            "classify": self.classify,
            "explain": self.explain,
            "attend": self.attend,
            "trace": self.trace,
        }
        return {name: graph for name, graph in graphs.items() if graph is not None}

    @property
    def explain_all(self) -> bool:
        """Whether there are those that every method of explanation needs."""
        return self.explain is not None and self.attend is not None
