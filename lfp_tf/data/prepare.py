"""From a data set's plan to its records, and to a few images of what they hold."""

import os
import pathlib
import shutil
from typing import Any

from lfp_tf.data.census import Census
from lfp_tf.data.description import Description, check_mixable, write_dataset
from lfp_tf.data.example import decode_example
from lfp_tf.data.plan import Plan
from lfp_tf.data.shards import Shards, shards_for, write_records
from lfp_tf.errors import LfpError
from lfp_tf.files import atomic_path, writable
from lfp_tf.images.decode import encode_png, read_image
from lfp_tf.progress import Progress

SPARE_SHARE = 1.05  # records need the files' room and a little more


def write_plan(
    plan: Plan,
    census: Census,
    out: str | os.PathLike,
    *,
    num_shards: int | None = None,
    workers: int = 1,
    overwrite: bool = False,
) -> dict[str, dict[str, Any]]:
    """Writes all records of a plan whose census has no problems, and `dataset.json`.

    Args:
        plan: what to write.
        census: of that plan.
        out: the folder.
        num_shards: files per split; None takes as many as suit the size.
        workers: processes.
        overwrite: replace other records.

    Returns:
        {split: what `write_records` gave}.

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
        num_files = num_shards or shards_for(len(samples), share_bytes)
        with Progress(f"writing {split}", total=len(samples), unit="records") as progress:
            splits[split] = write_records(
                samples,
                Shards(pathlib.Path(out), split, num_files),
                encode=plan.encode,
                digest=census.digests[split],
                workers=workers,
                progress=progress,
                overwrite=overwrite,
            )
    left_out = {split: len(texts) for split, texts in census.broken.items() if texts}
    description = Description(
        name=plan.name,
        tasks=plan.tasks,
        classes=plan.table.names,
        colors=plan.table.colors,
        options=plan.options | ({"left_out": left_out} if left_out else {}),
        facts=plan.facts,
    )
    write_dataset(out, description, splits, overwrite=overwrite)
    if plan.finish:
        for split in splits:
            plan.finish(out, split)
    return splits


def show_samples(
    plan: Plan, census: Census, folder: str | os.PathLike, count: int
) -> list[pathlib.Path]:
    """Draws images beside their labels as a record holds them, evenly over all splits.

    Args:
        plan: what is shown.
        census: of that plan, without problems.
        folder: where `SPLIT_NAME.png` are written.
        count: how many.

    Returns:
        The paths written.
    """
    all_samples = [
        (split, sample) for split, samples in census.samples.items() for sample in samples
    ]
    step = max(1, len(all_samples) // count)
    paths = []
    with writable(folder):
        for split, sample in all_samples[::step][:count]:
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
