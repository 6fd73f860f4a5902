"""The frame of a report: what of a history is kept, how values are told, what is escaped."""

import jinja2
import pytest

from lfp_tf.evaluation.page import thinned, write_page
from lfp_tf.templates import render

FACTS = {
    "experiment": "pspnet18_scenes",
    "dataset": "scenes",
    "split": "val",
    "protocol": {"name": "whole", "scales": [1.0], "crf": {"iterations": 10}},
    "checkpoint": "runs/x",
    "seconds": 4.0,
    "scores": {
        **dict.fromkeys(("top1_accuracy", "top1_error", "top5_accuracy", "top5_error"), 0.12345),
        "mean_class_accuracy": None,
    },
    "most_confused": [],
}
VALUES = {
    "num_scored": 10,
    "unit": "people",
    "class_charts": [],
    "confusion_chart": False,
    "mistakes": [],
    "names": [],
    "training_charts": [],
}


def written(folder, **facts):
    path = write_page(folder, FACTS | facts, "tasks/classification/report.html", **VALUES)
    return path.read_text()


def test_a_long_history_is_thinned_but_keeps_its_end_and_evaluations():
    history = [{"step": s, "loss": 1.0} for s in range(2001)]
    history.insert(1001, {"step": 1000, "mean_iou": 0.5})
    kept = thinned(history)
    assert len(kept) < 510
    assert kept[0]["step"] == 0 and kept[-1]["step"] == 2000
    assert {"step": 1000, "mean_iou": 0.5} in kept


def test_the_page_tells_protocol_speed_and_per_cents(tmp_path):
    text = written(tmp_path)
    assert "<h1>pspnet18_scenes on scenes val</h1>" in text
    assert "Protocol: name whole, scales [1.0], crf (iterations 10). Checkpoint: runs/x." in text
    assert " 4 s, 2.50 people/s." in text
    assert "<td>12.35</td>" in text and "<td>top-1, mean over classes</td><td></td>" in text
    for title in ("Training", "Configuration", "Versions"):
        assert title not in text


def test_text_is_never_html(tmp_path):
    hostile = "<script>alert('\"x\"')</script>&"
    text = written(
        tmp_path,
        **dict.fromkeys(("experiment", "dataset", "split", "checkpoint"), hostile),
        protocol={hostile: {hostile: hostile}},
        config={hostile: hostile},
        versions={hostile: hostile},
    )
    escaped = "&lt;script&gt;alert(&#39;&#34;x&#34;&#39;)&lt;/script&gt;&amp;"
    assert "<script" not in text and "alert('" not in text
    assert f"<title>{escaped} on {escaped} {escaped}</title>" in text
    assert f"Protocol: {escaped} ({escaped} {escaped}). Checkpoint: {escaped}." in text
    assert f"<tr><td>{escaped}</td><td>{escaped}</td></tr>" in text


def test_a_value_that_the_template_misses_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="'rows' is undefined"):
        render("evaluation/templates/bars.svg")
