"""What TensorFlow wraps around a sentence is taken off again."""

import pytest
import tensorflow as tf

from lfp_tf.errors import first_of, graph_sentence

SENTENCE = "The labels of a]b [Größe].png hold 'q'; put \"7\" below 3."


def checked(value):
    text = tf.strings.join([SENTENCE, tf.strings.as_string(value)], " ")
    with tf.control_dependencies([tf.debugging.Assert(value < 0, [text])]):
        return tf.identity(value)


def from_a_function():
    tf.function(checked)(tf.constant(1))


def from_a_data_set():
    next(iter(tf.data.Dataset.range(1, 3).map(checked).batch(2)))


def from_a_function_over_a_data_set():
    batches = iter(tf.data.Dataset.range(1, 3).map(checked).batch(2))
    tf.function(lambda: next(batches))()


@pytest.mark.parametrize(
    "fail", [from_a_function, from_a_data_set, from_a_function_over_a_data_set]
)
def test_a_sentence_comes_out_as_it_was_written(fail):
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        fail()
    assert graph_sentence(error.value) == f"{SENTENCE} 1"


def test_other_errors_keep_their_last_line():
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        tf.function(lambda data: tf.io.decode_png(data))(tf.constant("no image"))
    assert graph_sentence(error.value).startswith("Unknown image file format.")
    assert graph_sentence(ValueError("Too small.")) == "Too small."
    assert graph_sentence(ValueError()) == "ValueError"


def test_the_first_five_of_many_are_named_and_the_rest_counted():
    assert first_of([]) == "" and first_of("abcde") == "a, b, c, d, e"
    assert first_of(range(8), "\n") == "0\n1\n2\n3\n4\nand 3 more"
