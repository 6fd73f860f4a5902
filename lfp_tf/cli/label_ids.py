"""`--label_ids` of `lfp-tf predict`: labels as Cityscapes' submission server takes them."""

from typing import TYPE_CHECKING

from lfp_tf.data.datasets.label_maps import cityscapes_to_label_ids
from lfp_tf.errors import LfpError
from lfp_tf.images.palette import class_table

if TYPE_CHECKING:
    from lfp_tf.tasks.results import Results


def write_label_ids(results: "Results") -> None:
    """Makes results write Cityscapes' label ids (0..33) into label files, not train ids.

    Overlay and JSON stay as they are.

    Raises:
        LfpError: the network's classes are not Cityscapes' 19, in their order.
    """
    names = class_table("cityscapes").names
    table = getattr(results, "table", None)
    if table is None or tuple(table.names) != tuple(names):
        raise LfpError(
            f"--label_ids writes the label ids of Cityscapes' {len(names)} classes, which are not "
            "those of this network; leave it out."
        )
    files = results.files
    results.files = lambda prediction: files(cityscapes_to_label_ids(prediction))
    results.facts = results.facts | {"label_ids": True}
