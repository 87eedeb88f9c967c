"""Every tensor that a trace can hold: what it belongs to, and where it comes from.

The names of values are those of `model/vit.py`, in the order of the steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scope = Literal["whole", "layer", "head"]
Source = Literal["picture", "graph", "weights"]
JOINT_PARTS = 3  # of the weights that make queries, keys and values
DERIVED = {"probabilities": "logits"}  # what is computed here, and of which output of the graph


@dataclass(frozen=True)
class TraceTensor:
    """A tensor of the whole model, of each layer, or of each head of each layer.

    A parameter is named as in checkpoints, with {layer} where it belongs to one. Where it has
    units, its rows are outputs, some of which can be chosen; `part` is which of the three parts of
    the joint weights of queries, keys and values it is. What only some models have, `needs` names.
    Of a value, the model has it where its graph gives it; of a parameter, where its weights do.
    """

    name: str
    scope: Scope
    source: Source
    parameter: str = ""
    has_units: bool = False
    part: int | None = None
    needs: str = ""

    @property
    def output(self) -> str:
        """The output of the graph that it is, or is computed of."""
        return DERIVED.get(self.name, self.name)

    def entry(self, layer: int | None, head: int | None) -> str:
        """Name it in an answer, for a layer and a head where it belongs to one."""
        where = "" if layer is None else f"layers.{layer}."
        where += "" if head is None else f"heads.{head}."
        return where + self.name


def _values(scope: Scope, *names: str) -> list[TraceTensor]:
    return [TraceTensor(name, scope, "graph") for name in names]


def _parameter(name: str, parameter: str, needs: str = "") -> TraceTensor:
    """Describe a parameter; it belongs to a layer if its checkpoint name says so."""
    scope: Scope = "layer" if "{layer}" in parameter else "whole"
    has_units = parameter.endswith((".proj.weight", ".fc1.weight", ".fc2.weight", "head.weight"))
    return TraceTensor(name, scope, "weights", parameter, has_units, needs=needs)


def _of_head(name: str, part: int) -> list[TraceTensor]:
    joint = "blocks.{layer}.attn.qkv"
    return [
        TraceTensor(f"{name}_weight", "head", "weights", f"{joint}.weight", True, part),
        TraceTensor(f"{name}_bias", "head", "weights", f"{joint}.bias", False, part),
    ]


TENSORS: dict[str, TraceTensor] = {
    tensor.name: tensor
    for tensor in (
        TraceTensor("pixels", "whole", "picture"),
        TraceTensor("pixel_values", "whole", "picture"),
        *_values("whole", "patches", "patch_embeddings", "embedded"),
        TraceTensor("norm", "whole", "graph", needs="norm before pooling"),
        TraceTensor("pooled", "whole", "graph", needs="norm after pooling"),
        *_values("whole", "readout", "logits", "probabilities"),
        *_values("whole", "readout_attention", "layer_logits", "token_norms"),
        _parameter("patch_embed_weight", "patch_embed.proj.weight"),
        _parameter("patch_embed_bias", "patch_embed.proj.bias"),
        _parameter("cls_token", "cls_token", needs="class token"),
        _parameter("reg_token", "reg_token", needs="registers"),
        _parameter("pos_embed", "pos_embed"),
        _parameter("norm_pre_weight", "norm_pre.weight", needs="norm before its first layer"),
        _parameter("norm_pre_bias", "norm_pre.bias", needs="norm before its first layer"),
        _parameter("norm_weight", "norm.weight", needs="norm before pooling"),
        _parameter("norm_bias", "norm.bias", needs="norm before pooling"),
        _parameter("fc_norm_weight", "fc_norm.weight", needs="norm after pooling"),
        _parameter("fc_norm_bias", "fc_norm.bias", needs="norm after pooling"),
        _parameter("head_weight", "head.weight"),
        _parameter("head_bias", "head.bias"),
        *_values("layer", "tokens", "norm1", "merged", "projection", "attended"),
        *_values("layer", "norm2", "hidden", "activation", "feed_forward", "output"),
        _parameter("norm1_weight", "blocks.{layer}.norm1.weight"),
        _parameter("norm1_bias", "blocks.{layer}.norm1.bias"),
        _parameter("norm2_weight", "blocks.{layer}.norm2.weight"),
        _parameter("norm2_bias", "blocks.{layer}.norm2.bias"),
        _parameter("ls1_gamma", "blocks.{layer}.ls1.gamma", needs="LayerScale"),
        _parameter("ls2_gamma", "blocks.{layer}.ls2.gamma", needs="LayerScale"),
        _parameter("proj_weight", "blocks.{layer}.attn.proj.weight"),
        _parameter("proj_bias", "blocks.{layer}.attn.proj.bias"),
        _parameter("fc1_weight", "blocks.{layer}.mlp.fc1.weight"),
        _parameter("fc1_bias", "blocks.{layer}.mlp.fc1.bias"),
        _parameter("fc2_weight", "blocks.{layer}.mlp.fc2.weight"),
        _parameter("fc2_bias", "blocks.{layer}.mlp.fc2.bias"),
        *_values("head", "query", "key", "value", "scores", "attention", "context"),
        *_of_head("query", 0),
        *_of_head("key", 1),
        *_of_head("value", 2),
    )
}
