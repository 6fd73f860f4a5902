"""`python train.py --experiment=pspnet101_cityscapes --mode=train_and_eval` trains and scores."""

import sys

from lfp_tf.cli.train import main

if __name__ == "__main__":
    sys.exit(main())
