"""The benchmarks: `python -m benchmarks [NAME...] [--quick]`.

Each prints a table of ratios from one run, the rivals measured in turn, and writes
`build/benchmarks/NAME.json`. Rivals in PyTorch need an environment with `torch==2.13.0`,
`opencv-python-headless` and numpy, named by --torch_python; without it they are left out.
"""

import argparse
import importlib
import pathlib
import sys

from benchmarks.rivals import RivalFailed, available_cores
from lfp_tf.errors import LfpError

QUESTIONS = {
    "network": "inference and training step beside PyTorch and the host's DeepLab v3",
    "pipeline": "training images a second and core beside OpenCV and a DataLoader",
    "startup": "seconds from train.py to the first step, by part",
    "sliding": "time and memory of sliding windows over a 1024x2048 image",
    "convolution": "single convolutions in our form and in Keras'",
    "multi_scale": "DeepLab v2's scales and pieces beside one scale, one piece and PyTorch",
    "loop": "the whole training loop beside the bare step",
    "segment": "lfp_tf.segment from its second call on beside its network alone",
    "export": "an export's size and its first answer beside the host's",
    "crf": "the dense CRF of an image beside pydensecrf2",
    "detect": "Mask R-CNN, its operators and input beside torchvision and the host",
    "transfer": "MaskX R-CNN with 3002 classes beside 81, and as exported",
    "attention": "FPT's attention, layers and detector: memory and time, beside PyTorch",
    "pyramid": "LFP's pyramid beside the plain ResNet, its arithmetic and PyTorch",
}


def main(arguments=None):
    """Runs what is asked for; returns the exit status."""
    options = _parser().parse_args(arguments)
    options.cores = available_cores(options.threads)
    try:
        for name in options.names or QUESTIONS:
            importlib.import_module(f"benchmarks.{name}").run(options)
    except (LfpError, RivalFailed) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser():
    questions = "\n".join(f"  {name:12}{text}" for name, text in QUESTIONS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"{__doc__}\n{questions}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="questions (default: all)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: tries the programs")
    parser.add_argument("--rounds", type=int, default=5, help="times each rival is asked (5)")
    parser.add_argument("--calls", type=int, default=1, help="calls a time (1)")
    parser.add_argument("--threads", type=int, help="cores a rival has (default: all)")
    parser.add_argument(
        "--only",
        nargs="+",
        default=(),
        metavar="WORD",
        help="of pyramid, attention: the tables with these words in their title: block training",
    )
    parser.add_argument("--torch_python", type=_existing, help="interpreter that has PyTorch")
    parser.add_argument("--crf_python", type=_existing, help="interpreter that has pydensecrf2")
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("build/benchmarks"), help="for the JSON"
    )
    return parser


def _existing(text):
    if not pathlib.Path(text).exists():
        raise argparse.ArgumentTypeError(f"{text} does not exist")
    return text


if __name__ == "__main__":
    sys.exit(main())
