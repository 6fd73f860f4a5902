"""Writes a network for TensorFlow Serving; `lfp-tf export` under the name that the host uses.

python export/export_saved_model.py --experiment=E --checkpoint=DIR_OR_FILE --export_dir=OUT
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from lfp_tf.cli.export import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
