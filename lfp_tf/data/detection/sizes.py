"""What grouping and the choice of images must know of every record, kept beside its shards."""

import dataclasses
import os
import pathlib
import re

import numpy as np

from lfp_tf.data import tfrecord
from lfp_tf.data.detection.objects import (
    MASK_KEY,
    check_mask_size,
    encoded_image,
    stored_objects,
    stored_size,
)
from lfp_tf.data.records import RecordIndex, read_record
from lfp_tf.errors import LfpError
from lfp_tf.files import atomic_path
from lfp_tf.images.decode import image_size
from lfp_tf.progress import Progress

# Columns of the file; the last tells whether a row is still of the record that lies there.
_COLUMNS = ("height", "width", "with_corners", "with_edges", "largest_class", "checksum")
_PIXELS = {1.0: "with_corners", 0.0: "with_edges"}


@dataclasses.dataclass(frozen=True)
class RecordSizes:
    """What is known of each record of a split.

    Attributes:
        table: int64 [n, 6]: height, width, usable objects with corners that belong to a box
            (`pixel` 1), and with edges (`pixel` 0), largest class, checksum of the record.
    """

    table: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """int64 [n, 2]: (height, width)."""
        return self.table[:, :2]

    @property
    def largest_class(self) -> np.ndarray:
        """int64 [n]; 0 without objects."""
        return self.table[:, 4]

    def usable_objects(self, pixel: float) -> np.ndarray:
        """int64 [n]: objects that training samples; `pixel` is 1.0 or 0.0."""
        return self.table[:, _COLUMNS.index(_PIXELS[pixel])]


def record_sizes(index: RecordIndex) -> RecordSizes:
    """Reads `SPLIT.sizes.npy` beside the shards, or reads every record once and writes it.

    The file holds the checksum of each record, so that it is never taken for other records than
    those that lie there. Where it cannot be written the records are read every time.

    Raises:
        LfpError: a record is damaged, or not as it must be; it is named.
    """
    path, checksums = sizes_path(index), _checksums(index)
    table = _stored(path)
    if table is not None and np.array_equal(table[:, -1], checksums):
        return RecordSizes(table)
    rows = []
    with Progress(f"measuring {path.name}", total=len(index), unit="records") as progress:
        for number in range(len(index)):
            rows.append(_row(index, number))
            progress.update()
    table = np.concatenate([np.array(rows, np.int64).reshape(-1, 5), checksums[:, None]], axis=1)
    try:
        with atomic_path(path) as temporary, open(temporary, "wb") as stream:
            np.save(stream, table)
    except LfpError:
        pass  # A folder that is read only serves as well.
    return RecordSizes(table)


def sizes_path(index: RecordIndex) -> pathlib.Path:
    """Where the sizes of the split lie: `SPLIT.sizes.npy` beside its first shard."""
    first = pathlib.Path(index.paths[0])
    split = re.sub(r"-\d{5}-of-\d{5}(\.tfrecord)?$", "", first.name)
    return first.with_name(f"{split}.sizes.npy")


def _row(index, number):
    record, where = read_record(index, number), index.where(number)
    image, objects = encoded_image(record, where), stored_objects(record, where)
    size = stored_size(record) or _size_of(image, f'{where}, "image/encoded"')
    for mask in filter(None, objects.masks):
        check_mask_size(_size_of(mask, f'{where}, "{MASK_KEY}"'), size, where)
    usable = [int(objects.usable(size, pixel=pixel).sum()) for pixel in _PIXELS]
    return [*size, *usable, int(objects.classes.max(initial=0))]


def _size_of(image, where):
    try:
        return image_size(image)
    except LfpError as error:
        raise LfpError(f"{where}: {error}") from None


def _checksums(index):
    """int64 [n]: the checksum behind each record's payload."""
    values = np.zeros(len(index), np.int64)
    for file, path in enumerate(index.paths):
        with open(path, "rb") as stream:
            for number in np.flatnonzero(index.file == file):
                end = int(index.offset[number] + index.length[number])
                footer = os.pread(stream.fileno(), tfrecord.FOOTER_BYTES, end)
                values[number] = int.from_bytes(footer, "little")
    return values


def _stored(path):
    """The table of a file, or None where there is none of this form."""
    try:
        table = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    is_ours = getattr(table, "dtype", None) == np.int64 and table.ndim == 2
    return table if is_ours and table.shape[1] == len(_COLUMNS) else None
