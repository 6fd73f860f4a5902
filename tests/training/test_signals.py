"""Ctrl-C and SIGTERM are noted while a run trains, and mean what they meant before after it."""

import os
import signal

from lfp_tf.training.signals import Signals, Stopped


def test_the_first_signal_counts_and_handlers_come_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Signals() as signals:
        assert signals.received is None
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGTERM
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_stopped_run_ends_as_the_shell_expects():
    stopped = Stopped(signal.SIGTERM, 7)
    assert stopped.exit_status == 143
    assert str(stopped) == "Stopped at step 7; the same command goes on from there."
