"""ADE20K: the file value 0 is ignored."""

from dataset_trees import labelled, problems, record, values

from lfp_tf.data.datasets import ade20k


def ade_tree(root, labels):
    for part in ("training", "validation"):
        labelled(root / f"images/{part}/ADE_1.jpg", root / f"annotations/{part}/ADE_1.png", labels)


def test_ade20k_counts_from_one(tmp_path):
    ade_tree(tmp_path / "ADEChallengeData2016", values(0, 1, 150))
    plan = ade20k.plan(tmp_path)
    assert problems(plan) == []
    assert record(plan, "val")[1][0, :3].tolist() == [255, 0, 149]


def test_ade20k_suspects_reduced_labels(tmp_path):
    ade_tree(tmp_path, values(0, 255))
    assert (
        "holds the value 255, but 0-150 are expected. Already" in problems(ade20k.plan(tmp_path))[0]
    )
