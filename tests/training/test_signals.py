"""Ctrl-C and SIGTERM are noted while a run trains, and mean what they meant before after it."""

import os
import signal
import subprocess
import sys

import tiny

from lfp_tf.training.signals import Signals, Stopped


def test_the_first_signal_is_noted_and_handlers_come_back(capfd):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Signals() as signals:
        assert signals.received is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.received == signal.SIGTERM
    assert "stopping after this step; once more ends at once" in capfd.readouterr().err
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_second_signal_ends_at_once():
    code = (
        "import os, signal, time\n"
        "from lfp_tf.training.signals import Signals\n"
        "with Signals():\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    time.sleep(60)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=30, cwd=tiny.ROOT)
    assert done.returncode == -signal.SIGTERM


def test_a_stopped_run_ends_as_the_shell_expects():
    stopped = Stopped(signal.SIGTERM, 7)
    assert stopped.exit_status == 143
    assert str(stopped) == "Stopped at step 7; the same command goes on from there."
