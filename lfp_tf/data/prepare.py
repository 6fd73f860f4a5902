"""From a data set's plan to its records, and to a few images of what they hold."""

import pathlib
import shutil

from lfp_tf.data.description import check_mixable, write_dataset
from lfp_tf.data.example import decode_example
from lfp_tf.data.shards import shards_for, write_records
from lfp_tf.errors import LfpError
from lfp_tf.files import atomic_path, writable
from lfp_tf.images.decode import encode_png, read_image
from lfp_tf.progress import Progress

SPARE_SHARE = 1.05  # records need the files' room and a little more


def write_plan(plan, census, out, *, num_shards=None, workers=1, overwrite=False):
    """Writes all records of a `Plan` whose `Census` has no problems, and `dataset.json`.

    Args:
        plan: a `Plan`.
        census: its `Census`.
        out: the folder.
        num_shards: files a split; None takes as many as suit the size.
        workers: processes.
        overwrite: replace other records.

    Raises:
        LfpError: other records are there, the folder cannot be written, or has not enough room.
        WorkFailed: the disk is full, or a worker died.
    """
    _check_room(out, census.size_bytes)
    if not overwrite:
        check_mixable(out, plan.name, plan.table.names)
    total = sum(map(len, census.samples.values()))
    splits = {}
    for split, samples in census.samples.items():
        share_bytes = census.size_bytes * len(samples) // total
        with Progress(f"writing {split}", total=len(samples), unit="records") as progress:
            splits[split] = write_records(
                samples,
                out,
                split,
                encode=plan.encode,
                digest=census.digests[split],
                num_shards=num_shards or shards_for(len(samples), share_bytes),
                workers=workers,
                progress=progress,
                overwrite=overwrite,
            )
    left_out = {split: len(texts) for split, texts in census.broken.items() if texts}
    write_dataset(
        out,
        name=plan.name,
        classes=plan.table.names,
        colors=plan.table.colors,
        splits=splits,
        options=plan.options | ({"left_out": left_out} if left_out else {}),
        overwrite=overwrite,
        tasks=plan.tasks,
        facts=plan.facts,
    )


def show_samples(plan, census, folder, count):
    """Draws images beside their labels as a record holds them, spread over all splits.

    Args:
        plan: a `Plan`.
        census: its `Census`, without problems.
        folder: where `SPLIT_NAME.png` are written.
        count: how many.

    Returns:
        The paths written.
    """
    samples = [(split, sample) for split, found in census.samples.items() for sample in found]
    step = max(1, len(samples) // count)
    paths = []
    with writable(folder):
        for split, sample in samples[::step][:count]:
            name = f"{split}_{sample.name.replace('/', '_')}.png"
            paths.append(pathlib.Path(folder) / name)
            content = encode_png(_drawn(plan, sample))
            with atomic_path(paths[-1]) as temporary:
                temporary.write_bytes(content)
    return paths


def _drawn(plan, sample):
    features = decode_example(plan.encode(sample).payload)
    image = read_image(features["image/encoded"][0])
    return plan.draw(image, features)


def _check_room(out, size_bytes):
    place = pathlib.Path(out).absolute()
    while not place.exists():
        place = place.parent
    needed, free = int(size_bytes * SPARE_SHARE), shutil.disk_usage(place).free
    if needed > free:
        raise LfpError(
            f"{out} needs about {needed / 1e9:.1f} GB, but its disk has {free / 1e9:.1f} GB left; "
            "make room or give another --out."
        )
