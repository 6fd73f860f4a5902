"""Cases of Visual Genome's annotations: classes with COCO's first, splits, boxes."""

from typing import Any

import numpy as np

from lfp_tf.data.datasets.visual_genome import (
    category_names,
    coco_content,
    frequent_synsets,
    joint_synsets,
    split_images,
)
from lfp_tf.parity.golden import Case
from lfp_tf.parity.maskx.words import words_of


def annotations(case: Case) -> dict[str, Any]:
    """`vg_json`: categories, and images and annotations of each split."""
    words, inputs = words_of(case), case.inputs()
    coco, objects = words["coco_classes"], inputs["objects"]
    kept = frequent_synsets(objects, words["keep_classes"])
    joint = joint_synsets(kept, coco)
    parts = split_images(inputs["image_data"], words["minival_image_ids"], words["test_images"])
    contents = {split: coco_content(part, objects, kept, joint) for split, part in parts.items()}
    results = {
        "raw_categories": kept,
        "categories": category_names(joint, len(coco)),
        "category_ids": [category["id"] for category in contents["train"]["categories"]],
        "file_names": [image["file_name"] for image in contents["train"]["images"]],
    }
    for split, content in contents.items():
        results[f"{split}_image_ids"] = [image["id"] for image in content["images"]]
        results[f"{split}_annotations"] = _table(content["annotations"])
    return results


def _table(rows):
    return np.array([_columns(row) for row in rows], np.int64)


def _columns(row):
    return [row["id"], row["image_id"], row["category_id"], *row["bbox"], row["area"]]
