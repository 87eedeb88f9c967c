"""What Vitrine cannot serve, by the names that sources give it, and why.

A bundle holds a plain Vision Transformer: patches embedded by one linear map, learned absolute
positions, pre-norm blocks of softmax attention and a GELU feed-forward, and a linear head.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from service.errors import ErrorDetail, InvalidInput

PLAIN = "only plain Vision Transformers are served"
WINDOWS = "it attends within shifted windows over several resolutions"
RELATIVE = "its attention adds relative position biases"
PYRAMID = "it is a pyramid of several resolutions"
CONVOLUTIONS = "it is a convolutional network"
CONVOLUTIONAL_STEM = "its patches come from a convolutional stem, not from one linear map"
ATTENTION_POOLING = "its head pools by attention"
ROTARY = "its positions are rotary, computed inside the attention"
SWIGLU = "its feed-forward is gated (SwiGLU), not GELU"
ACTIVATION = "its activation is not the exact GELU"
PARALLEL = "its blocks run attention and feed-forward in parallel"
NORMALISED_QUERIES = "its attention normalises queries and keys"
DIFFERENTIAL = "its attention is the difference of two"
POST_NORM = "its blocks normalise after the residual branch"
NO_FINAL_NORM = "it has no final norm"

MODEL_TYPES: dict[str, str] = {  # of a Hugging Face config.json
    "beit": RELATIVE,
    "clip": "it is a pair of towers for pictures and text, without a head of classes",
    "convnext": CONVOLUTIONS,
    "convnextv2": CONVOLUTIONS,
    "cvt": CONVOLUTIONAL_STEM,
    "data2vec-vision": RELATIVE,
    "dinov3_vit": ROTARY,
    "efficientnet": CONVOLUTIONS,
    "focalnet": PYRAMID,
    "hiera": PYRAMID,
    "levit": CONVOLUTIONAL_STEM,
    "mobilevit": CONVOLUTIONAL_STEM,
    "poolformer": PYRAMID,
    "pvt": PYRAMID,
    "pvt_v2": PYRAMID,
    "resnet": CONVOLUTIONS,
    "segformer": PYRAMID,
    "siglip": ATTENTION_POOLING,
    "siglip2": ATTENTION_POOLING,
    "swin": WINDOWS,
    "swinv2": WINDOWS,
    "vit_hybrid": CONVOLUTIONAL_STEM,
}

NAMES: tuple[tuple[str, str], ...] = (  # of timm, in the order in which they are looked for
    (r"siglip", ATTENTION_POOLING + ", or its GELU is the approximate one"),
    (r"_map_|_prr|^test_vit3", ATTENTION_POOLING),
    (r"quickgelu", ACTIVATION + " but quick_gelu"),
    (r"giant_patch14_(reg\d_)?(dinov2|tipsv2)|^aimv2", SWIGLU),
    (r"rope|dinov3|^eva02|_pe_", ROTARY),
    (r"_xp_", NORMALISED_QUERIES + ", and its blocks are parallel"),
    (r"relpos|^beit|^samvit", RELATIVE),
    (r"_rpn_", POST_NORM),
    (r"_\d+x[2-9]_|_d?pwee_", PARALLEL),
    (r"_d(wee|little)_", DIFFERENTIAL),
    (r"intern300m", NO_FINAL_NORM),
    (r"_r\d*_?s\d+|_r(26|50|101)_|resnet|_mci_|hybrid", CONVOLUTIONAL_STEM),
    (r"^swin|^maxvit|^maxxvit|^coatnet", WINDOWS),
    (r"^(pvt|mvit|hiera|twins|pit_|levit|focalnet|davit|gcvit|nest|vitamin|poolformer)", PYRAMID),
    (r"^(cvt|convit|cait|xcit|crossvit|mobilevit|coat_|tnt_|volo|visformer)", PLAIN),
    (r"^(convnext|resnet|resnext|efficientnet|tf_|regnet|densenet|mobilenet|vgg)", CONVOLUTIONS),
)

TENSORS: tuple[tuple[str, str], ...] = (
    (r"relative_position_bias_table|rel_pos|relative_attention_bias|rel_pos_[hw]", RELATIVE),
    (r"attn\.(q|k)_norm\.|q_layernorm|k_layernorm", NORMALISED_QUERIES),
    (r"(^|\.)attn_?pool\.", ATTENTION_POOLING),
    (r"rope|freqs_cis|rotary", ROTARY),
    (r"mlp\.(w12|w1|fc1_g|gate_proj|weights_in)\.", SWIGLU),
    (r"^patch_embed\.(backbone|proj\.\d|conv|norm)", CONVOLUTIONAL_STEM),
    (r"^stages\.|^layers\.\d+\.blocks\.|^features\.|^stem\.", PYRAMID + " or convolutional"),
    (r"blocks\.\d+\.(attns|ffns)\.|blocks\.\d+\.(in_proj|mlp_out_proj)", PARALLEL),
    (r"attn\.lambda_|attn\.sub_norm", DIFFERENTIAL),
    (r"blocks\.\d+\.(attn|mlp)\.norm\.", "its blocks hold further norms"),
    (r"blocks\.\d+\.attn\.[qkv]_(bias|proj)", "its attention is that of BEiT or EVA"),
)

ACTIVATIONS = ("gelu", "gelu_python")  # both are the exact one, by the error function


def check_served(what: str, problems: Iterable[ErrorDetail]) -> None:
    """Raise InvalidInput that says `what`, and all the problems, if there are any."""
    if found := list(problems):
        raise InvalidInput(f"{what}: {'; '.join(map(str, found))}", found)


def refused_name(architecture: str) -> str | None:
    """Say why a model of timm's of this name cannot be served, or None."""
    return _first_reason(NAMES, [architecture])


def refused_tensor(names: Iterable[str]) -> str | None:
    """Say why a model with parameters of these names cannot be served, or None."""
    return _first_reason(TENSORS, names)


def _first_reason(table: tuple[tuple[str, str], ...], names: Iterable[str]) -> str | None:
    listed = list(names)
    for pattern, reason in table:
        if found := next((name for name in listed if re.search(pattern, name)), None):
            return f"{reason} ({found})"
    return None


def refused_activation(activation: object) -> str | None:
    """Say why a Hugging Face model with this `hidden_act` cannot be served, or None."""
    if activation in ACTIVATIONS:
        return None
    return f"hidden_act {activation!r}: {ACTIVATION}"
