"""Charts: lengths, shares and places by hand."""

import re

import numpy as np
import pytest

from lfp_tf.evaluation.charts import bars, heat_map, lines


def test_bars_are_as_long_as_their_values():
    text = bars(["a", "b", "c"], [1.0, 0.25, None], [[255, 0, 0]] * 3)
    assert re.findall(r'<rect[^>]* width="([\d.]+)"', text) == ["420.0", "105.0", "0.0"]
    assert "not present" in text


def test_a_cell_of_the_map_is_a_share_of_its_truth():
    text = heat_map([[3, 1], [0, 0]], ["a", "b"])
    assert "<title>a predicted as a: 75.00 % (3 pixels)</title>" in text
    assert "<title>a predicted as b: 25.00 % (1 pixels)</title>" in text
    assert "b seen as" not in text


@pytest.mark.parametrize(("classes", "side"), [(1, 72), (2, 144), (7, 238), (19, 608), (150, 750)])
def test_a_map_of_few_classes_is_no_stamp(classes, side):
    text = heat_map(np.eye(classes, dtype=int).tolist(), [f"c{i}" for i in range(classes)])
    assert f'width="{side}" height="{side}" fill="none"' in text


def test_curves_span_their_box():
    text = lines({"x": [(0, 1.0), (10, 3.0)]}, title="t")
    assert 'points="60.0,246.0 620.0,26.0"' in text
    flat = lines({"x": [(5, 2.0)]}, title="t", log=True)
    assert 'points="60.0,136.0"' in flat


def test_names_are_never_markup():
    hostile = '"><script>x</script>'
    escaped = "&#34;&gt;&lt;script&gt;x&lt;/script&gt;"
    for text in (
        bars([hostile], [0.5], [[0, 0, 0]], notes=[hostile]),
        heat_map([[1]], [hostile], unit=hostile),
        lines({hostile: [(0, 1.0)]}, title=hostile, axis=hostile),
    ):
        assert "<script" not in text and text.count(escaped) >= 2
