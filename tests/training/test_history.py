"""The course of a run as lines of JSON: cut back where a run resumes, means of the last losses."""

import json
import statistics

import pytest

from lfp_tf.training.history import History, MovingAverage, read_history


def test_later_steps_are_dropped_where_a_run_resumes(tmp_path):
    history = History(tmp_path, step=0)
    for step in (1, 2, 3):
        history.append(step=step, loss=1.0 / step, learning_rate=0.1)
    history.append(step=2, mean_iou=0.5)
    again = History(tmp_path, step=2)
    assert [entry["step"] for entry in read_history(tmp_path)] == [1, 2, 2]
    assert again.losses() == [1.0, 0.5]
    assert again.evaluated(2) and not again.evaluated(1)


def test_a_scoring_beside_a_training_drops_nothing(tmp_path):
    history = History(tmp_path, step=0)
    history.append(step=3, loss=1.0, learning_rate=0.1)
    History(tmp_path, step=None).append(step=2, mean_iou=0.5)
    assert [entry["step"] for entry in read_history(tmp_path)] == [3, 2]
    assert [history.count_evaluations(*steps) for steps in ((0, 3), (2, 3), (1, 2))] == [1, 0, 1]


def test_a_line_that_a_kill_cut_short_is_left_out(tmp_path):
    lines = [json.dumps({"step": step, "loss": 1.0}) for step in (1, 2)]
    (tmp_path / "history.jsonl").write_text("\n".join([*lines, '{"step": 3, "lo']))
    assert [entry["step"] for entry in read_history(tmp_path)] == [1, 2]
    assert read_history(tmp_path / "none") == []


def test_the_mean_is_over_the_last_values_those_before_included():
    average = MovingAverage(3, values=[9.0, 1.0, 2.0])
    mean, deviation = average.add(6.0)
    assert (mean, deviation) == pytest.approx((3.0, statistics.stdev([1.0, 2.0, 6.0])))
    # One value deviates from nothing.
    assert MovingAverage(3).add(4.0) == (4.0, 0.0)
