"""Templates are filled late: a command that makes no page does not load Jinja2."""

import subprocess
import sys

import pytest

HELP = """
import sys
from lfp_tf.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print([name for name in ("jinja2", "tensorflow") if name in sys.modules])
"""


@pytest.mark.parametrize("words", [["--help"], ["predict", "--help"], ["evaluate", "--help"]])
def test_help_is_shown_without_jinja2(words):
    done = subprocess.run([sys.executable, "-c", HELP, *words], capture_output=True, text=True)
    assert done.stdout.endswith("\n[]\n"), done.stdout + done.stderr
