"""The annotation of a split's people, read without their images."""

import dataclasses
import os

import numpy as np

from lfp_tf.data.records import read_record, record_index
from lfp_tf.errors import LfpError


@dataclasses.dataclass
class People:
    """The annotation of some people.

    Attributes:
        truth: float64 [N, J, 2] pixels, counted from 0.
        visible: bool [N, J], whether annotated.
        head_sizes: float64 [N] pixels, 0 where unknown.
        sources: N file names of images; behind a `#` the person's number where it is not 0.
    """

    truth: np.ndarray
    visible: np.ndarray
    head_sizes: np.ndarray
    sources: list[str]


def read_people(folder: str | os.PathLike, split: str, *, limit: int | None = None) -> People:
    """The people of a split, in the order of the records; no image is decoded.

    Args:
        folder: of the records.
        split: which of them.
        limit: only the first so many; None takes all.
    """
    index = record_index(folder, split)
    joints, head_sizes, sources = [], [], []
    for number in range(min(len(index), limit or len(index))):
        # Only these few values are kept: a record holds its whole image.
        record = read_record(index, number)
        try:
            joints.append(np.reshape(record["person/keypoints"], (-1, 3)).astype(np.float64))
            head_sizes.append(float(_first(record, "person/head_size", 0.0)))
            sources.append(_source(record))
        except KeyError as error:
            raise LfpError(
                f'{index.where(number)} has no "{error.args[0]}", so it is no person; give records '
                "of pose."
            ) from None
        except (ValueError, TypeError, AttributeError):
            raise LfpError(f"{index.where(number)} is no person; give records of pose.") from None
    joints = np.array(joints, np.float64)
    return People(
        truth=joints[..., :2],
        visible=joints[..., 2] > 0,
        head_sizes=np.array(head_sizes),
        sources=sources,
    )


def _first(record, key, usual):
    return (record.get(key) or [usual])[0]


def _source(record):
    name = _first(record, "image/filename", b"").decode()
    number = _first(record, "person/number", 0)
    return f"{name}#{number}" if number else name
