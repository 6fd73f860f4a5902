"""The one table of tasks: by network, by name, by file."""

import pytest

from lfp_tf.errors import LfpError
from lfp_tf.tasks import catalog
from lfp_tf.tasks.catalog import CLASSIFICATION, POSE, SEGMENTATION


def test_a_network_belongs_to_one_task():
    names = [name for task in catalog.TASKS for name in task.networks]
    assert len(names) == len(set(names))
    assert catalog.of("pspnet") is SEGMENTATION and catalog.of("hourglass") is POSE
    assert catalog.of("lfp_classifier") is CLASSIFICATION
    with pytest.raises(LfpError, match="task.model.network is 'resnet', but must be one of pspnet"):
        catalog.of("resnet")


def test_files_that_tell_no_task_are_for_the_oldest():
    assert catalog.named("pose") is POSE
    assert catalog.named(None) is SEGMENTATION
    with pytest.raises(LfpError, match='There is no task "detecton", but segmentation, classifica'):
        catalog.named("detecton")


def test_words_are_the_tasks_own():
    assert [(task.outputs, task.counted) for task in catalog.TASKS] == [
        *(("classes", "images"), ("classes", "images"), ("joints", "people")),
        ("classes", "images"),
    ]


def test_a_part_is_a_file_of_the_task():
    for task in catalog.TASKS:
        part = catalog.part(task, "config")
        assert part.__name__ == f"lfp_tf.tasks.{task.name}.config" and part.Config().METRIC
        networks = catalog.part(task, "networks").NETWORKS
        assert set(networks) == set(task.networks)
        assert all(kind().network == name for name, kind in networks.items())
