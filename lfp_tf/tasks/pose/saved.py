"""Running an export for pose from Python, as a server does."""

import numpy as np
import tensorflow as tf

from lfp_tf.errors import LfpError, graph_sentence


def saved_people(folder):
    """A function of a picture uint8 [H, W, 3] and boxes [P, 4] to joints float32 [P, J, 3].

    Boxes are ymin, xmin, ymax, xmax in pixels. A SavedModel is a program: load only those you
    trust.

    Raises:
        LfpError: the SavedModel cannot be loaded; calling it: picture or box are refused.
    """
    try:
        loaded = tf.saved_model.load(str(folder))
        person = loaded.signatures["images_boxes"]
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise LfpError(
            f"{folder} cannot be loaded as a SavedModel of `lfp-tf export` for pose."
        ) from error
    joints = person.structured_outputs["keypoints"].shape[1]

    def find(picture, boxes):
        image = tf.constant(picture)[None]
        try:
            found = [
                person(images=image, boxes=tf.constant(box, tf.float32)[None])["keypoints"][0]
                for box in boxes
            ]
        except tf.errors.InvalidArgumentError as error:
            raise LfpError(graph_sentence(error)) from error
        return np.array(found, np.float32).reshape(-1, joints, 3)

    find.loaded = loaded  # Signatures do not keep their variables alive.
    return find
