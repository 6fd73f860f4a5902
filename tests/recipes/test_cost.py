"""Parameters and multiply-adds: counted by hand for a layer, published for whole networks."""

import pytest

from lfp_tf.recipes.cost import count_cost


@pytest.fixture(scope="module")
def cost():
    return count_cost("pspnet", {"classes": 8, "depth": 18, "width": 0.125}, crop=(33, 41))


def layer(cost, name):
    return next(layer for layer in cost.layers if layer.name == name)


def test_a_convolution_by_hand(cost):
    first = layer(cost, "stem_conv1")
    height, width, channels = first.shape
    assert (height, width) == (17, 21)
    assert first.parameters == 3 * 3 * 3 * channels
    assert first.multiply_adds == 17 * 21 * 3 * 3 * 3 * channels
    assert first.activations == 17 * 21 * channels and first.part == "stem"


def test_a_classifier_has_a_bias_that_multiplies_nothing(cost):
    last = layer(cost, "cls_logits")
    assert last.parameters == last.multiply_adds // (5 * 6) + 8
    norm = layer(cost, "cls_bn")
    assert norm.parameters == 2 * norm.shape[2] and norm.multiply_adds == 0


def test_the_pyramid_multiplies_on_its_bins_only(cost):
    pyramid = layer(cost, "pyramid")
    channels = layer(cost, "cls_conv").parameters // (9 * layer(cost, "cls_conv").shape[2])
    kernel = channels // 2 * (channels // 8)
    assert pyramid.multiply_adds == (1 + 4 + 9 + 36) * kernel
    assert pyramid.parameters == 4 * (kernel + 2 * (channels // 8))


def test_parts_sum_to_the_whole(cost):
    parts = cost.by_part()
    assert list(parts) == [
        "stem", "stage1", "stage2", "stage3", "stage4", "pyramid", "aux", "cls",
    ]  # fmt: skip
    assert sum(p for p, _ in parts.values()) == cost.parameters
    assert sum(m for _, m in parts.values()) == cost.multiply_adds


def test_a_block_that_is_one_layer_counts_the_convolutions_inside_at_their_sizes():
    options = {"classes": 5, "blocks": (1, 1, 1, 1), "width": 0.25}
    cost = count_cost("lfp_classifier", options, crop=(64, 64))
    # Map 16x16, 16 channels in, width 16, thinned to 2; the scales 0.75 to 1.33 of 16.
    sides = (12, 14, 18, 21)
    main = 256 * (16 * 16 + 9 * 16 * 16 + 16 * 64)
    pyramid = 256 * 16 * 2 + sum(side**2 for side in sides) * 9 * 2 * 2 + 256 * 8 * 64
    assert layer(cost, "stage1_block1").multiply_adds == main + pyramid + 256 * 16 * 64
    assert layer(cost, "fc").multiply_adds == 512 * 5 and layer(cost, "fc").shape == (5,)
    assert "other" not in cost.by_part()
