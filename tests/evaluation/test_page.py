"""The frame of a report: what of a history is kept, and how values are told."""

from lfp_tf.evaluation.page import origin, page, page_title, percent, table, thinned, words


def test_a_long_history_is_thinned_but_keeps_its_end_and_evaluations():
    history = [{"step": s, "loss": 1.0} for s in range(2001)]
    history.insert(1001, {"step": 1000, "mean_iou": 0.5})
    kept = thinned(history)
    assert len(kept) < 510
    assert kept[0]["step"] == 0 and kept[-1]["step"] == 2000
    assert {"step": 1000, "mean_iou": 0.5} in kept


def test_values_are_told_as_words():
    assert words({"name": "whole", "scales": [1.0], "crf": {"iterations": 10}}) == (
        "name whole, scales [1.0], crf (iterations 10)"
    )
    assert (percent(0.12345), percent(None)) == ("12.35", "")
    facts = {"experiment": "pspnet18_scenes", "dataset": "scenes", "split": "val"}
    assert page_title(facts) == "pspnet18_scenes on scenes val"


def test_the_speed_is_told_in_what_was_counted():
    facts = {"protocol": {"name": "a<b"}, "checkpoint": "x & y", "seconds": 4.0}
    text = origin(facts, 10, "people")
    assert "Protocol: name a&lt;b. Checkpoint: x &amp; y. 4 s, 2.50 people/s." in text


def test_text_is_never_html():
    assert "<td>&lt;b&gt;</td><td>3</td>" in table(["a", "b"], [["<b>", 3]])
    text = page("<t>", ["one", "", "two"])
    assert "<h1>&lt;t&gt;</h1>\none\ntwo\n" in text
