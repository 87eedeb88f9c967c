"""The methods that explain: what each means, where it comes from, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MethodName = Literal[
    "relevance",
    "legrad",
    "rollout",
    "attention",
    "gradcam",
    "integrated_gradients",
    "occlusion",
]
DEFAULT_METHOD: MethodName = "relevance"  # of a model whose explanations were never measured


@dataclass(frozen=True)
class Method:
    """How an explanation is made.

    `is_signed` says that scores below 0 speak against the class. `is_quick` says that it takes one
    run of one graph, whatever the number of patches. `parameters` are those it understands beside
    `target`, which every method takes.
    """

    name: MethodName
    summary: str
    definition: str
    source: str
    class_specific: bool
    is_signed: bool
    is_quick: bool
    cost: str
    parameters: tuple[str, ...]


METHODS: dict[MethodName, Method] = {
    method.name: method
    for method in (
        Method(
            name="relevance",
            summary="Which patches the chosen class rests on, through all layers.",
            definition=(
                "r = readout; for l = L..start_layer: r += r . mean_h relu(G_l * A_l), where G_l "
                "is the gradient of the class's logit at attention A_l; the map is r over the "
                "patches, less the readout's own share. sign=negative takes relu(-G_l * A_l), "
                "evidence against the class; sign=both is the one minus the other."
            ),
            source="Chefer, Gur and Wolf, Generic Attention-model Explainability, ICCV 2021",
            class_specific=True,
            is_signed=False,
            is_quick=True,
            cost="1 forward and 1 backward pass",
            parameters=("versus", "sign", "start_layer"),
        ),
        Method(
            name="legrad",
            summary="What each layer's own attention would say for the class, on average.",
            definition=(
                "for each layer, read the logits out of that layer's tokens and take the gradient "
                "of the class's logit at that layer's attention; the map is the mean over layers, "
                "heads and queries of its positive part"
            ),
            source="Bousselham et al., LeGrad: An Explainability Method for ViTs, ICCV 2025",
            class_specific=True,
            is_signed=False,
            is_quick=True,
            cost="1 forward pass and a backward pass of one block for each layer",
            parameters=("versus",),
        ),
        Method(
            name="rollout",
            summary="Where attention flows through all layers, whatever the class.",
            definition=(
                "r = readout; for l = L..start_layer: r = (r + r . fused A_l) / 2; fusion joins "
                "the heads, discard_ratio drops each row's weakest patches"
            ),
            source="Abnar and Zuidema, Quantifying Attention Flow in Transformers, ACL 2020",
            class_specific=False,
            is_signed=False,
            is_quick=True,
            cost="1 forward pass",
            parameters=("start_layer", "fusion", "discard_ratio"),
        ),
        Method(
            name="attention",
            summary="What one layer attends to, in one head or in all together.",
            definition=(
                "readout . A_l[h]; where no head is chosen, fusion joins them; discard_ratio drops "
                "the weakest patches"
            ),
            source="Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021",
            class_specific=False,
            is_signed=False,
            is_quick=True,
            cost="1 forward pass",
            parameters=("layer", "head", "fusion", "discard_ratio"),
        ),
        Method(
            name="gradcam",
            summary="Where the last block's features that raise the class are found.",
            definition=(
                "relu(sum over features of w * X), where X are the tokens that enter the last "
                "block and w is the mean over the patches of the logit's gradient at X"
            ),
            source="Selvaraju et al., Grad-CAM, ICCV 2017",
            class_specific=True,
            is_signed=False,
            is_quick=True,
            cost="1 forward and 1 backward pass",
            parameters=("versus",),
        ),
        Method(
            name="integrated_gradients",
            summary="How each patch's pixels move the class's logit away from a baseline picture.",
            definition=(
                "(x - baseline) * mean of the logit's gradient along the straight path, by Gauss "
                "and Legendre's rule with `steps` points, summed over a patch's pixels; "
                "completeness_error is that sum minus the difference of the two logits"
            ),
            source="Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, ICML 2017",
            class_specific=True,
            is_signed=True,
            is_quick=False,
            cost="32 forward and backward passes unless steps says otherwise, and 2 forward passes",
            parameters=("versus", "steps", "baseline"),
        ),
        Method(
            name="occlusion",
            summary="How much the class's logit falls when a patch is taken away.",
            definition="y(all patches) - y(all but patch j); removal says how a patch goes",
            source="Zeiler and Fergus, Visualizing and Understanding ConvNets, ECCV 2014",
            class_specific=True,
            is_signed=True,
            is_quick=False,
            cost="1 forward pass for each patch, and 1 more",
            parameters=("versus", "removal"),
        ),
    )
}
