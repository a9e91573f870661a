"""Where the shipped weights are made: the compact backbones are trained on pictures that formulas draw."""
