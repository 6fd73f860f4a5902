"""A report holds its numbers, stands alone and survives names with signs of HTML."""

import html.parser
import json
import re

import numpy as np
import pytest

from lfp_tf.evaluation.image_panels import Example
from lfp_tf.images.palette import numbered_table
from lfp_tf.tasks.segmentation.report import score_facts, write_report

SKY, FILE = '<script>"sky"</script> & co', "\"'><script>.png"
NAMES = ["road", SKY, "never"]
CONFUSION = np.array([[6, 2, 0], [1, 3, 0], [0, 0, 0]])


class Page(html.parser.HTMLParser):
    """Checks that tags close as they open; collects texts and addresses."""

    EMPTY = ("meta", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.addresses, self.tags = [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [v for name, v in attributes if name in ("src", "href")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def facts():
    return {
        "experiment": "pspnet18_scenes",
        "dataset": "scenes",
        "split": "val",
        "checkpoint": "runs/x",
        "protocol": {"name": "whole", "flip": "none"},
        "seconds": 2.0,
        **score_facts(CONFUSION, names=NAMES, definition="present"),
        "images": [{"source": FILE, "mIoU": 0.5, "allAcc": 0.75}],
        "history": [
            {"step": 1, "loss": 2.0},
            {"step": 2, "loss": 1.0},
            {"step": 2, "mean_iou": 0.3},
        ],
        "config": {"text": "</pre><script>"},
        "versions": {"tensorflow": "2.20.0"},
    }


def test_scores_by_hand():
    facts = score_facts(CONFUSION, names=NAMES, definition="all")
    # IoU: 6 / (8 + 7 - 6), 3 / (4 + 5 - 3); the third class never occurs.
    assert facts["scores"]["present"]["mIoU"] == pytest.approx((6 / 9 + 3 / 6) / 2)
    assert facts["scores"]["all"]["mIoU"] == pytest.approx((6 / 9 + 3 / 6) / 3)
    assert facts["scores"]["all"]["allAcc"] == pytest.approx(9 / 12)
    assert facts["classes"][1] == {
        "id": 1, "name": SKY, "iou": 0.5, "accuracy": 0.75, "pixels": 4,
    }  # fmt: skip
    assert facts["classes"][2]["iou"] is None and facts["mean_iou_definition"] == "all"


def test_the_page_stands_alone_and_holds_the_numbers(facts, tmp_path):
    image, labels = np.full((20, 30, 3), 7, np.uint8), np.zeros((20, 30), int)
    example = Example.of(facts["images"][0], image, labels, labels, numbered_table(3))
    path = write_report(
        tmp_path / "new", facts, colors=[[1, 2, 3]] * 3, best=[example], worst=[example]
    )
    text = path.read_text()
    page = Page(text)
    assert "script" not in page.tags and "link" not in page.tags
    assert len(page.addresses) == 6
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.addresses)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    shown = " ".join(page.texts)
    for text in (FILE, "58.33", "38.89", "75.00", SKY, "not present", "step 2", "2.20.0"):
        assert text in shown, text
    assert page.tags.count("polyline") == 2
    written = json.loads((tmp_path / "new" / "metrics.json").read_text())
    assert written["confusion"] == CONFUSION.tolist()
    assert written["scores"] == facts["scores"] and written["protocol"] == facts["protocol"]
    assert written["examples"]["best"] == [{"source": FILE, "mIoU": 0.5}]
    assert written["history"] == facts["history"]


def test_a_report_without_training_and_images_has_no_such_sections(facts, tmp_path):
    text = write_report(tmp_path, facts | {"history": []}, colors=[[0, 0, 0]] * 3).read_text()
    assert "Training" not in text and "<figure>" not in text
    assert "Confusion matrix" in text


def test_groups_stand_in_the_page_and_in_the_numbers(facts, tmp_path):
    groups = {
        "supervised": [True, True, False],
        "groups": {"kinds": {"ground & co": [0], "rest": [1, 2]}},
    }
    facts |= score_facts(CONFUSION, names=NAMES, definition="truth", groups=groups)
    text = write_report(tmp_path, facts, colors=[[1, 2, 3]] * 3).read_text()
    assert "By kinds" in text and "ground &amp; co" in text
    assert "75.00 % of the pixels in the right group" in text
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["groups"]["kinds"]["groups"][1]["merged_iou"] == 0.5
    # 8 / 12 of the pixels have an IoU of 6 / 9, the others of 1 / 2.
    assert written["scores"]["truth"]["fwIoU"] == pytest.approx(8 / 12 * 6 / 9 + 4 / 12 * 1 / 2)
    assert "groups" not in score_facts(CONFUSION, names=NAMES, definition="truth")
