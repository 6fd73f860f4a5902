"""The score of a single image, by hand: right, wrong, doubled, in a crowd, nothing at all."""

import pytest

from lfp_tf.tasks.detection.matches import image_score


def thing(box, label=1, **more):
    return {"bbox": list(map(float, box)), "category_id": label, **more}


OBJECT, OTHER = thing((0, 0, 10, 10)), thing((30, 0, 10, 10), 2)
CROWD = thing((50, 0, 40, 40), iscrowd=1)


def found(box, label=1, score=0.9):
    return thing(box, label, score=score)


RIGHT = found((0, 0, 10, 10))


@pytest.mark.parametrize(
    ("truth", "rows", "score"),
    [
        ([], [], None),
        ([CROWD], [], None),
        ([OBJECT], [], 0.0),
        ([], [RIGHT], 0.0),
        ([OBJECT], [RIGHT], 1.0),
        ([OBJECT, OTHER], [RIGHT], 2 / 3),
        # The wrong class, and a second detection of the same object.
        ([OBJECT], [found((0, 0, 10, 10), 2)], 0.0),
        ([OBJECT], [RIGHT, found((0, 0, 10, 9), score=0.8)], 2 / 3),
        # An overlap of 5/10, and one below.
        ([OBJECT], [found((0, 0, 10, 5))], 1.0),
        ([OBJECT], [found((0, 0, 10, 4.9))], 0.0),
        # Below the score that is shown.
        ([OBJECT], [found((0, 0, 10, 10), score=0.49)], 0.0),
        ([OBJECT], [found((0, 0, 10, 10), score=0.5)], 1.0),
        # In a crowd it is neither right nor wrong.
        ([OBJECT, CROWD], [RIGHT, found((60, 5, 9, 9))], 1.0),
        ([CROWD], [found((60, 5, 9, 9))], None),
        ([CROWD], [found((48, 0, 3, 40))], 0.0),
    ],
)
def test_images_by_hand(truth, rows, score):
    assert image_score(truth, rows) == (score if score is None else pytest.approx(score))


def test_the_best_detection_takes_its_object_first():
    """The worse one, first in the list, is left with the object that it overlaps less."""
    left, right = thing((0, 0, 10, 10)), thing((4, 0, 10, 10))
    rows = [found((1, 0, 10, 10), score=0.6), found((0, 0, 10, 10), score=0.9)]
    assert image_score([left, right], rows) == 1.0
    assert image_score([left], rows) == pytest.approx(2 / 3)
