"""A classifier has no options; its table lines up."""

from small_classifier import small_classifier
from words import parsed

from lfp_tf.tasks.classification import arguments as own
from lfp_tf.tasks.classification.prediction import Protocol


def test_every_command_sees_the_middle_of_an_image():
    recipe = small_classifier().recipe
    for command in ("evaluate", "predict", "export"):
        result = parsed(command)
        own.check(result, command)
        assert own.protocol(recipe, result, command) == Protocol(crop=65, shortest=74)
    assert own.OPTIONS == () and own.evaluation_options(result) == {}
    assert own.describe(Protocol(crop=65, shortest=74), result) == (
        "by the middle 65 x 65 of each with its shorter side at 74 pixels"
    )


def test_the_table_lines_up():
    facts = {
        "classes": [
            {"name": "ant", "top1": 0.5, "top5": 1.0, "images": 2},
            {"name": "long name", "top1": None, "top5": None, "images": 0},
        ],
        "scores": {
            "top1_accuracy": 0.5,
            "top1_error": 0.5,
            "top5_accuracy": 1.0,
            "top5_error": 0.0,
            "mean_class_accuracy": 0.5,
        },
        "images": [{}, {}],
    }
    assert own.table(facts).splitlines() == [
        "class       top-1   top-5  images",
        "ant         50.00  100.00         2",
        "long name       -       -         0",
        "top-1 accuracy 50.00 (error 50.00), top-5 accuracy 100.00 (error 0.00), mean of the "
        "classes' top-1 50.00, over 2 images",
    ]
