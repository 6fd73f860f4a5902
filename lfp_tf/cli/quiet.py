"""Keeps TensorFlow's chatter off the terminal; whatever else native code says goes through."""

import atexit
import os
import re
import sys
import threading

# Lines of absl's log below ERROR; the C++ library writes them whatever TF_CPP_MIN_LOG_LEVEL says.
_CHATTER = re.compile(
    rb"^([IW]\d{4} [\d:.]+|\d{4}-\d\d-\d\d [\d:.]+: [IW] |WARNING: All log messages before absl)"
)


def quiet_tensorflow() -> None:
    """Before TensorFlow is imported: fewer messages, and Keras 2 alone, which starts quicker."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")


def filter_native_chatter() -> None:
    """Sends what native code writes to standard error through a filter, until the program ends.

    Python's own `sys.stderr` keeps writing straight to where it did.
    """
    terminal = os.dup(2)
    reader, writer = os.pipe()
    os.dup2(writer, 2)
    os.close(writer)
    sys.stderr = os.fdopen(os.dup(terminal), "w", buffering=1, errors="backslashreplace")
    thread = threading.Thread(target=_forward, args=(reader, terminal), daemon=True)
    thread.start()

    def finish():
        sys.stderr.flush()
        # The last writing end of the pipe goes, so the thread forwards the rest and ends.
        os.dup2(terminal, 2)
        thread.join(timeout=1.0)

    atexit.register(finish)


def _forward(reader, terminal):
    with os.fdopen(reader, "rb", buffering=0) as stream:
        rest = b""
        while chunk := stream.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if not _CHATTER.match(line):
                    os.write(terminal, line + b"\n")
        if rest:
            os.write(terminal, rest)
