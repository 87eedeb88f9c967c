"""The Vision Transformer, step by step of the guide, and against an independent one."""

import pytest
import torch
from transformers import ViTConfig, ViTForImageClassification

from model.config import VisionTransformerConfig
from model.vit import DropPath, VisionTransformer, merge_heads, patchify, split_heads
from tests.model.vits import SHAPES, random_images, small_vit

B, P, D, H, N, C, SIDE = 2, 8, 24, 2, 17, 5, 32
PATCHES, FLAT = 16, 3 * P * P


@pytest.fixture(scope="module")
def model():
    return small_vit()


@pytest.fixture(scope="module")
def images(model):
    return random_images(model)


@pytest.fixture(scope="module")
def steps(model, images):
    with torch.no_grad():
        return model.steps(images)


@pytest.fixture(scope="module")
def block(steps):
    return steps.blocks[0]


def test_step_1_images_are_a_batch_of_square_pictures(images):
    assert images.shape == (B, 3, SIDE, SIDE)


def test_step_2_patches_tile_the_image_row_by_row():
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert patchify(image, 2)[0, 1].tolist() == [2, 3, 6, 7]
    assert patchify(image, 2)[0, 2].tolist() == [8, 9, 12, 13]


def test_step_3_a_patch_is_a_flat_vector(steps):
    assert steps.patches.shape == (B, PATCHES, FLAT)


def test_step_4_a_linear_map_takes_a_patch_to_the_width(model, steps):
    weight, bias = model.patch_embed.proj.weight.flatten(1), model.patch_embed.proj.bias
    expected = weight @ steps.patches[0, 3] + bias
    torch.testing.assert_close(steps.patch_embeddings[0, 3], expected, rtol=1e-4, atol=1e-5)


def test_step_5_every_patch_becomes_an_embedding(model, images, steps):
    assert steps.patch_embeddings.shape == (B, PATCHES, D)
    torch.testing.assert_close(steps.patch_embeddings, model.patch_embed(images), rtol=0, atol=1e-4)


def test_step_6_the_class_token_comes_first(model, steps):
    expected = model.cls_token[0, 0] + model.pos_embed[0, 0]
    torch.testing.assert_close(steps.embedded[0, 0], expected)


def test_step_7_every_patch_gets_its_position(model, steps):
    expected = steps.patch_embeddings[0, 4] + model.pos_embed[0, 5]
    torch.testing.assert_close(steps.embedded[0, 5], expected)


def test_step_8_the_transformer_takes_one_token_more_than_patches(steps):
    assert steps.embedded.shape == (B, N, D)


def test_step_8b_each_token_is_normalised(model, block):
    weight, bias = model.blocks[0].norm1.weight, model.blocks[0].norm1.bias
    normalised = (block.norm1 - bias) / weight
    torch.testing.assert_close(normalised.mean(-1), torch.zeros(B, N), rtol=0, atol=1e-5)
    torch.testing.assert_close(
        normalised.var(-1, correction=0), torch.ones(B, N), rtol=0, atol=1e-3
    )


def test_step_9_queries_keys_and_values_are_dealt_to_heads(block):
    for part in (block.query, block.key, block.value):
        assert part.shape == (B, H, N, D // H)


def test_step_10_a_score_is_the_scaled_dot_product_of_a_query_and_a_key(block):
    expected = block.query[0, 1, 2] @ block.key[0, 1, 7] / (D // H) ** 0.5
    torch.testing.assert_close(block.scores[0, 1, 2, 7], expected, rtol=1e-4, atol=1e-5)
    assert block.scores.shape == (B, H, N, N)


def test_step_11_every_row_of_attention_sums_to_1(block):
    assert block.attention.shape == (B, H, N, N)
    torch.testing.assert_close(block.attention.sum(-1), torch.ones(B, H, N))
    assert (block.attention >= 0).all()


def test_step_12_the_first_row_is_a_weighted_sum_of_values(block):
    expected = (block.attention[0, 0, 0, :, None] * block.value[0, 0]).sum(0)
    torch.testing.assert_close(block.context[0, 0, 0], expected, rtol=1e-4, atol=1e-5)


def test_steps_13_and_14_every_row_of_every_head_is_one(block):
    assert block.context.shape == (B, H, N, D // H)


def test_step_15_the_heads_are_joined_side_by_side(block):
    assert block.merged.shape == (B, N, D)
    torch.testing.assert_close(block.merged[0, 3, D // H :], block.context[0, 1, 3])


def test_step_16_the_projection_is_of_the_size_that_came_in(block):
    assert block.projection.shape == block.tokens.shape


def test_steps_17_and_18_the_residual_adds_what_came_in(block):
    torch.testing.assert_close(block.attended, block.tokens + block.projection)


def test_step_19b_each_token_is_normalised_again(block):
    assert block.norm2.shape == (B, N, D)


def test_step_19_the_feed_forward_is_four_times_as_wide_and_not_linear(block):
    assert block.hidden.shape == block.activation.shape == (B, N, 4 * D)
    torch.testing.assert_close(block.activation, torch.nn.functional.gelu(block.hidden))


def test_step_20_the_block_gives_what_it_took_in_size(block):
    assert block.output.shape == (B, N, D)


def test_step_21_each_block_takes_what_the_last_one_gave(steps):
    assert len(steps.blocks) == 3
    assert steps.blocks[1].tokens is steps.blocks[0].output
    assert steps.blocks[2].tokens is steps.blocks[1].output


def test_step_22_the_readout_is_the_normalised_class_token(steps):
    assert steps.norm.shape == (B, N, D)
    torch.testing.assert_close(steps.readout, steps.norm[:, 0])


def steps_of(images, **shape):
    model = small_vit(**shape)
    with torch.no_grad():
        return model, model.steps(images)


def test_step_6_a_model_without_class_token_begins_with_its_registers_or_patches(images):
    model, steps = steps_of(images, class_token=False, pooling="mean")
    assert "cls_token" not in model.state_dict()
    assert model.pos_embed.shape == (1, PATCHES, D)
    torch.testing.assert_close(steps.embedded, steps.patch_embeddings + model.pos_embed)
    registered, steps = steps_of(images, class_token=False, pooling="mean", registers=2)
    torch.testing.assert_close(steps.embedded[0, :2], registered.reg_token[0])
    expected = steps.patch_embeddings + registered.pos_embed
    torch.testing.assert_close(steps.embedded[:, 2:], expected)


def test_step_8_a_norm_before_the_blocks_gives_the_first_of_them_what_enters(images):
    model, steps = steps_of(images, pre_norm=True)
    torch.testing.assert_close(steps.blocks[0].tokens, model.norm_pre(steps.embedded))
    assert not torch.allclose(steps.blocks[0].tokens, steps.embedded, atol=0.1)


def test_step_22_the_mean_of_the_patches_leaves_class_token_and_registers_out(images):
    _, steps = steps_of(images, pooling="mean", registers=2)
    torch.testing.assert_close(steps.pooled, steps.norm[:, 3:].mean(dim=1))
    assert steps.readout is steps.pooled


def test_step_22_the_mean_is_normalised_where_the_tokens_were_not(images):
    model, steps = steps_of(images, pooling="mean", norm_after_pooling=True)
    assert steps.norm is steps.blocks[-1].output
    torch.testing.assert_close(steps.pooled, steps.norm[:, 1:].mean(dim=1))
    normalised = (steps.readout - model.fc_norm.bias) / model.fc_norm.weight
    torch.testing.assert_close(normalised.mean(-1), torch.zeros(B), rtol=0, atol=1e-5)
    assert {name for name in model.state_dict() if name.startswith(("norm.", "fc_norm."))} == {
        "fc_norm.weight",
        "fc_norm.bias",
    }


def test_step_22_the_class_token_stands_beside_the_mean_of_the_patches(images):
    _, steps = steps_of(images, pooling="class_token_and_mean", registers=2)
    expected = torch.cat([steps.norm[:, 0], steps.norm[:, 3:].mean(dim=1)], dim=1)
    torch.testing.assert_close(steps.readout, expected)


def test_step_23_one_head_of_two_tokens_is_the_mean_of_deits_two_heads(images):
    model, steps = steps_of(images, pooling="class_and_distillation_token", registers=1)
    of_class, of_distillation = (torch.nn.Linear(D, C) for _ in range(2))
    with torch.no_grad():
        weights = [of_class.weight / 2, of_distillation.weight / 2]
        model.head.weight.copy_(torch.cat(weights, dim=1))
        model.head.bias.copy_((of_class.bias + of_distillation.bias) / 2)
        both = of_class(steps.norm[:, 0]), of_distillation(steps.norm[:, 1])
        torch.testing.assert_close(model.steps(images).logits, (both[0] + both[1]) / 2)


def test_step_23_the_head_gives_a_logit_for_every_class(model, steps):
    assert steps.logits.shape == (B, C)
    torch.testing.assert_close(steps.logits, model.head(steps.readout))


def random_keep(model, count, images=2):
    """Draw which patches stay, in any order: [B, K]."""
    generator = torch.manual_seed(2)
    drawn = [torch.randperm(model.config.patches, generator=generator) for _ in range(images)]
    return torch.stack(drawn)[:, :count]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_fused_path_agrees_with_the_explicit_one(shape):
    model = small_vit(**SHAPES[shape])
    images = random_images(model)
    keep = random_keep(model, 9)
    with torch.inference_mode():
        for kept in (None, keep):
            explicit, fused = model.steps(images, kept), model(images, kept)
            torch.testing.assert_close(explicit.logits, fused, rtol=0, atol=1e-4)
            readout = model.features(images, kept)
            torch.testing.assert_close(explicit.readout, readout, rtol=0, atol=1e-4)


def test_the_whole_equals_the_transformers_library_given_the_same_weights():
    ours = small_vit(layer_scale=None, norm_epsilon=1e-12)
    theirs = transformers_vit(ours)
    images = random_images(ours, count=4)
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), theirs(images).logits, rtol=0, atol=1e-5)
        explicit = ours.steps(images).logits
        torch.testing.assert_close(explicit, theirs(images).logits, rtol=0, atol=1e-5)


def transformers_vit(ours: VisionTransformer) -> ViTForImageClassification:
    """Give an independent implementation the same weights."""
    config = ours.config
    theirs = ViTForImageClassification(
        ViTConfig(
            image_size=config.image_size[0],
            patch_size=config.patch_size,
            hidden_size=config.width,
            num_hidden_layers=config.depth,
            num_attention_heads=config.heads,
            intermediate_size=int(config.width * config.mlp_ratio),
            num_labels=config.classes,
        )
    ).eval()
    renamed = {
        "cls_token": "vit.embeddings.cls_token",
        "pos_embed": "vit.embeddings.position_embeddings",
        "patch_embed.proj": "vit.embeddings.patch_embeddings.projection",
        "norm": "vit.layernorm",
        "head": "classifier",
        "norm1": "layernorm_before",
        "norm2": "layernorm_after",
        "attn.proj": "attention.o_proj",
        "mlp.fc1": "mlp.fc1",
        "mlp.fc2": "mlp.fc2",
    }
    weights = {}
    for name, value in ours.state_dict().items():
        path, _, kind = name.rpartition(".")
        if name in renamed:
            weights[renamed[name]] = value
        elif path.endswith("attn.qkv"):
            layer = path.split(".")[1]
            for letter, part in zip("qkv", value.chunk(3), strict=True):
                weights[f"vit.layers.{layer}.attention.{letter}_proj.{kind}"] = part
        elif path.startswith("blocks."):
            _, layer, inner = path.split(".", 2)
            weights[f"vit.layers.{layer}.{renamed[inner]}.{kind}"] = value
        else:
            weights[f"{renamed[path]}.{kind}"] = value
    theirs.load_state_dict(weights)
    return theirs


@pytest.mark.parametrize("shape", SHAPES)
def test_keeping_all_patches_equals_not_asking(shape):
    model = small_vit(**SHAPES[shape])
    images = random_images(model)
    with torch.inference_mode():
        all_kept = model(images, random_keep(model, model.config.patches))  # in any order
        torch.testing.assert_close(all_kept, model(images), rtol=0, atol=1e-5)


def logits_with_masked_keys(model, images, keep):
    """Hide patches from attention and pooling instead of taking them out of the sequence."""
    config = model.config
    is_hidden = torch.ones(len(images), config.tokens, dtype=torch.bool)
    is_hidden[:, : config.prefix_tokens] = False
    for row, kept in zip(is_hidden, keep, strict=True):
        row[config.prefix_tokens + kept] = False
    mask = is_hidden[:, None, None, :] * -1e4
    tokens = model.norm_pre(model.embed(model.patch_embed(images)))
    for block in model.blocks:
        width = config.head_width
        query, key, value = (
            part.unflatten(-1, (config.heads, width)).transpose(1, 2)
            for part in block.attn.qkv(block.norm1(tokens)).chunk(3, dim=-1)
        )
        scores = torch.einsum("bhqd,bhkd->bhqk", query, key) / width**0.5 + mask
        context = torch.einsum("bhqk,bhkd->bqhd", scores.softmax(dim=-1), value).flatten(2)
        tokens = tokens + block.ls1(block.attn.proj(context))
        tokens = tokens + block.ls2(block.mlp(block.norm2(tokens)))
    norm = model.norm(tokens)
    is_pooled = ~is_hidden
    is_pooled[:, : config.prefix_tokens] = False
    shares = is_pooled.to(norm.dtype) / is_pooled.sum(dim=1, keepdim=True)
    mean = torch.einsum("bn,bnd->bd", shares, norm)
    parts = {
        "class_token": [norm[:, 0]],
        "mean": [model.fc_norm(mean)],
        "class_token_and_mean": [norm[:, 0], mean],
        "class_and_distillation_token": [norm[:, 0], norm[:, 1]],
    }[config.pooling]
    return model.head(torch.cat(parts, dim=-1))


@pytest.mark.parametrize("count", [1, 6, 14])
@pytest.mark.parametrize("shape", SHAPES)
def test_taking_patches_out_of_the_sequence_equals_hiding_their_keys(shape, count):
    model = small_vit(**SHAPES[shape]).double()
    images = random_images(model)
    keep = random_keep(model, count)
    with torch.inference_mode():
        expected = logits_with_masked_keys(model, images, keep)
        torch.testing.assert_close(model(images, keep), expected, rtol=0, atol=1e-9)
        assert not torch.allclose(model(images), expected, atol=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_picture_of_no_patches_has_logits_too(shape):
    model = small_vit(**SHAPES[shape])
    with torch.inference_mode():
        logits = model(random_images(model), random_keep(model, 0))
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("shape", [name for name in SHAPES if "image_size" not in SHAPES[name]])
def test_a_removed_patch_does_not_count_whatever_it_shows(shape):
    model = small_vit(**SHAPES[shape])
    images = random_images(model)
    changed = images.clone()
    changed[:, :, :P, :P] = 7.0  # the first patch
    keep = torch.arange(1, PATCHES).expand(B, -1)
    with torch.inference_mode():
        torch.testing.assert_close(model(images, keep), model(changed, keep), rtol=0, atol=1e-5)
        assert not torch.allclose(model(images), model(changed), atol=1e-3)


def test_training_leaves_the_stated_share_of_patches_out(images):
    model = small_vit(patch_drop=0.75)
    tokens = model.embed(model.patch_embed(images))
    drawn = model.train().draw_kept(tokens)
    assert drawn.shape == (B, PATCHES // 4)
    for row in drawn.tolist():
        assert len(set(row)) == PATCHES // 4
        assert set(row) <= set(range(PATCHES))
    kept = model.keep_patches(tokens, drawn)
    assert kept.shape == (B, 1 + PATCHES // 4, D)
    torch.testing.assert_close(kept[:, 0], tokens[:, 0])
    torch.testing.assert_close(kept[0, 1], tokens[0, 1 + drawn[0, 0]])
    assert model(images).shape == (B, C)


def test_nothing_is_dropped_outside_training(images):
    model = small_vit(patch_drop=0.75, drop_path=0.5)
    with torch.inference_mode():
        torch.testing.assert_close(model(images), model(images))


def test_a_dropped_path_leaves_whole_images_out_and_keeps_the_mean():
    torch.manual_seed(0)
    branch = DropPath(0.25).train()(torch.ones(4000, 1, 1))
    assert sorted(set(branch.flatten().tolist())) == pytest.approx([0, 1 / 0.75])
    assert branch.mean().item() == pytest.approx(1, abs=0.05)


def test_heads_split_and_merge_back():
    features = torch.randn(2, 5, 12)
    torch.testing.assert_close(merge_heads(split_heads(features, 3)), features)


def test_parameter_names_are_those_of_public_checkpoints():
    names = set(VisionTransformer(VisionTransformerConfig(depth=1, layer_scale=1.0)).state_dict())
    assert {
        "cls_token",
        "pos_embed",
        "patch_embed.proj.weight",
        "norm.bias",
        "head.weight",
    } <= names
    assert {
        "blocks.0.norm1.weight",
        "blocks.0.attn.qkv.weight",
        "blocks.0.attn.proj.bias",
        "blocks.0.ls1.gamma",
        "blocks.0.mlp.fc1.weight",
        "blocks.0.mlp.fc2.bias",
    } <= names
