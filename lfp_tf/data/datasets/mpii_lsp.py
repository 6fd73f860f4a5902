"""MPII, Leeds Sports Pose and its extended set as one: 16 joints in MPII's order.

So the published scores on Leeds Sports Pose were trained.

    mpii/                                  MPII, as `mpii.py` draws it
    lsp_dataset/joints.mat, images/        the set of 2000, as `lsp.py` draws it
    lspet_dataset/joints.mat, images/      the extended set

Joints: pelvis and thorax, which Leeds Sports Pose does not have, are not annotated there.
Splits: train is that of all three; val is that of Leeds Sports Pose, or with --val mpii of MPII.
Centre and scale: as each data set alone has them.
Left out: the other val; people without a usable annotation, each named (`person_problem`).
Refused: one of the folders is missing, and what each data set alone refuses.
"""

import dataclasses

from lfp_tf.data.datasets import lsp, mpii
from lfp_tf.data.datasets.dataset import Asked, Dataset, Option, Source
from lfp_tf.data.datasets.folders import source_folder
from lfp_tf.data.datasets.people_files import people_of
from lfp_tf.data.plan import Plan
from lfp_tf.data.pose.records import pose_plan
from lfp_tf.images.skeleton import JOINTS

NAME = "mpii_lsp"
LAYOUT = "mpii, lsp_dataset and lspet_dataset, each as it is unpacked"
SPLITS = ("train", "val")
VALS = (lsp.NAME, mpii.NAME)

_PARTS = ("mpii", "lsp_dataset", "lspet_dataset")


def plan(source: Source, asked: Asked = None, *, val: str = lsp.NAME) -> Plan:
    """Lists the people of all three sets.

    Args:
        source: the folder that holds the three.
        asked: the splits to be written.
        val: `lsp` or `mpii`, the data set whose val is taken.

    Raises:
        LfpError: as of `mpii.plan` and `lsp.plan`.
    """
    root = source_folder(source, NAME, LAYOUT, _PARTS)
    people = mpii.read_annotations(root / "mpii", None)
    folder = people.images.relative_to(root).as_posix()
    of_mpii = [entry.with_image(f"{folder}/{entry.image}") for entry in people.entries]
    of_lsp = [_with_mpii_joints(entry) for entry in lsp.read_both(source, NAME)[0]]
    sources = {mpii.NAME: of_mpii, lsp.NAME: of_lsp}
    entries = [
        entry
        for name, of_source in sources.items()
        for entry in of_source
        if entry.split == "train" or name == val
    ]
    return pose_plan(
        NAME,
        JOINTS[mpii.NAME],
        people_of(entries, root, asked=asked, adjust=people.adjust),
        options={"val": val, "mpii": people.options},
        notes=people.notes if val == mpii.NAME else (),
    )


def _with_mpii_joints(entry):
    """The same person with MPII's joints, in the middle of its image."""
    joints = [(0.0, 0.0, 0)] * len(JOINTS[mpii.NAME])
    for place, joint in zip(lsp.PLACES_IN_MPII, entry.joints, strict=True):
        joints[place] = joint
    return dataclasses.replace(entry.without_frame(), joints=tuple(joints))


def _val(text):
    if text not in VALS:
        raise ValueError
    return text


DATASET = Dataset(
    name=NAME,
    summary="MPII, Leeds Sports Pose and its extended set as one: 16 joints",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
    options={
        "val": Option("whose val is taken (default lsp)", _val, f"one of {', '.join(VALS)}"),
    },
)
