"""Class tables hold the published names and colours."""

import numpy as np
import pytest

from lfp_tf.errors import LfpError
from lfp_tf.images.palette import (
    class_groups,
    class_table,
    colorize,
    numbered_table,
    table_names,
    voc_colors,
)


@pytest.mark.parametrize(
    ("name", "count", "index", "called", "color"),
    [
        ("cityscapes", 19, 13, "car", [0, 0, 142]),
        ("ade20k", 150, 0, "wall", [120, 120, 120]),
        ("voc", 21, 15, "person", [192, 128, 128]),
        ("camvid11", 11, 0, "Building", [128, 0, 0]),
        ("camvid", 11, 0, "Sky", [128, 128, 128]),
        ("scenes", 8, 2, "road", [128, 64, 128]),
        ("lip", 20, 13, "face", [0, 0, 255]),
        ("kitti_road", 2, 1, "road", [255, 0, 255]),
        ("cocostuff164k", 182, 1, "bicycle", [128, 0, 0]),
        ("cocostuff10k", 182, 181, "wood", [128, 96, 192]),
        ("cocostuff164k_171", 171, 170, "wood", [128, 96, 192]),
    ],
)
def test_tables_have_published_names_and_colours(name, count, index, called, color):
    table = class_table(name)
    assert len(table) == count == len(table.colors)
    assert table.names[index] == called
    assert table.colors[index].tolist() == color
    assert table.ignore_label == 255


def test_every_table_file_can_be_read():
    for name in table_names():
        assert len(class_table(name).names) == len(class_table(name).colors)


def test_unknown_tables_are_refused_with_the_nearest():
    with pytest.raises(LfpError, match='no class table "cityscape". Did you mean "cityscapes"'):
        class_table("cityscape")


def test_the_rule_of_voc_gives_voc_colours():
    np.testing.assert_array_equal(voc_colors(21), class_table("voc").colors)
    assert voc_colors()[255].tolist() == [224, 224, 192]
    assert len(np.unique(voc_colors(), axis=0)) == 256


def test_numbered_classes_take_names_or_a_count():
    assert numbered_table(2).names == ("class 0", "class 1")
    assert numbered_table(["a", "b"]).colors.tolist() == [[0, 0, 0], [128, 0, 0]]


def test_ignored_and_unknown_values_are_black():
    colors = [[1, 2, 3], [4, 5, 6]]
    drawn = colorize(np.array([[0, 1, 2, 255, -1]]), colors)
    assert drawn.tolist() == [[[1, 2, 3], [4, 5, 6], [0, 0, 0], [0, 0, 0], [0, 0, 0]]]


def test_cocostuff_has_a_hierarchy_of_three_levels():
    groups = class_groups("cocostuff164k")
    assert sum(groups["supervised"]) == 171 and not groups["supervised"][11]
    levels = groups["groups"]
    assert [len(groups) for groups in levels.values()] == [2, 4, 27]
    for groups in levels.values():
        assert sorted(label for labels in groups.values() for label in labels) == list(range(182))
    assert levels["things and stuff"]["things"] == list(range(91))
    assert levels["supercategories"]["sky-stuff"] == [105, 156]
    names = class_table("cocostuff164k").names
    assert [names[label] for label in (105, 156)] == ["clouds", "sky-other"]


def test_the_hierarchy_of_the_171_classes_is_that_of_the_182():
    whole, part = class_groups("cocostuff164k"), class_groups("cocostuff10k_171")
    names, few = class_table("cocostuff10k").names, class_table("cocostuff10k_171").names
    assert part["supervised"] == [True] * 171
    for level, groups in whole["groups"].items():
        for group, labels in groups.items():
            kept = [names[label] for label in labels if whole["supervised"][label]]
            assert [few[label] for label in part["groups"][level][group]] == kept


def test_sets_without_groups_and_names_without_a_table_have_none():
    assert class_groups("voc") is None and class_groups("folder") is None
