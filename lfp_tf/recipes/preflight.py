"""What is checked and completed of an experiment before anything is built."""

from lfp_tf.data.description import check_task
from lfp_tf.data.records import read_dataset
from lfp_tf.errors import LfpError
from lfp_tf.tasks.catalog import kind_of


def fill_in(params, *, data_dir=None):
    """Completes an experiment from its records: folders, the number of classes.

    Args:
        params: `recipes.config.ExperimentConfig`.
        data_dir: the folder of records, in place of `data/DATASET`.

    Returns:
        What `dataset.json` says.

    Raises:
        LfpError: no records, for another task, of another data set or of another number of classes.
    """
    task = params.task
    for data in (task.train_data, task.validation_data):
        data.folder = str(data_dir or data.folder or f"data/{task.dataset}")
    dataset = read_dataset(task.train_data.folder)
    check_task(dataset, task.train_data.folder, kind_of(task.model.network))
    if dataset["name"] != task.dataset:
        raise LfpError(
            f"{task.train_data.folder} holds records of {dataset['name']}, but this experiment is "
            f"for {task.dataset}; give the right --data_dir, or task.dataset={dataset['name']} if "
            "you mean it."
        )
    found = len(dataset["classes"])
    what = "joints" if dataset["task"] == "pose" else "classes"
    if task.model.classes not in (0, found):
        raise LfpError(
            f"{task.train_data.folder} holds records of {dataset['name']} with {found} {what}, "
            f"but task.model.classes is {task.model.classes}; give the right --data_dir."
        )
    task.model.classes = found
    return dataset


def warnings(params, replicas):
    """Sentences on what will train, but perhaps not as meant.

    Args:
        params: `recipes.config.ExperimentConfig`.
        replicas: number of them.
    """
    task, found = params.task, []
    if hasattr(task.model, "zoom_factor") and any(side % 8 != 1 for side in task.train_data.crop):
        found.append(
            f"a crop of {task.train_data.crop} is not 8k+1 a side, so logits do not stand exactly "
            "on the pixels of their labels."
        )
    shares = params.trainer.accumulation_steps * (1 if task.model.bn_synchronized else replicas)
    one = task.train_data.global_batch_size == shares
    if one and getattr(task.model, "use_ppm", False) and not task.model.bn_frozen:
        found.append(
            "batch norm sees one picture at a time, so the pyramid's bin 1 is normalized to its "
            "beta; freeze it (task.model.bn_frozen=true) or enlarge the batch."
        )
    return found


def check_run(folder, dataset):
    """Refuses to go on with a run on records of other classes; their number alone may agree.

    Args:
        folder: of the run, which need not exist.
        dataset: what `fill_in` gave.

    Raises:
        LfpError: the classes differ.
    """
    if not (folder / "dataset.json").exists():
        return
    before = read_dataset(folder)
    if before["classes"] != dataset["classes"]:
        raise LfpError(
            f"{folder} is a run on the {len(before['classes'])} classes of {before['name']}, not "
            f"on these {len(dataset['classes'])} of {dataset['name']}; give another --model_dir."
        )


def check_batch(params, replicas):
    """Refuses batches that replicas and pieces do not divide.

    Raises:
        LfpError: which numbers do not go together.
    """
    trainer, task = params.trainer, params.task
    batch, pieces = task.train_data.global_batch_size, trainer.accumulation_steps
    if batch % (replicas * pieces):
        raise LfpError(
            f"task.train_data.global_batch_size is {batch}, but {replicas} replicas x "
            f"{pieces} accumulation steps need a multiple of {replicas * pieces}."
        )
    if task.validation_data.global_batch_size % replicas:
        raise LfpError(
            f"task.validation_data.global_batch_size is {task.validation_data.global_batch_size}, "
            f"but must be a multiple of the {replicas} replicas."
        )
