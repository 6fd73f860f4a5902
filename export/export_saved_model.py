"""Writes a network for TF Serving: `python export/export_saved_model.py --experiment=E --checkpoint=C --export_dir=OUT`."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from lfp_tf.cli.export import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
