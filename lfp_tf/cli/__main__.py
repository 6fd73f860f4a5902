"""`python -m lfp_tf.cli` is `lfp-tf`."""

import sys

from lfp_tf.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
