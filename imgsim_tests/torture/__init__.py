"""What bad days do to imgsim, on purpose and at random: `python -m imgsim_tests.torture --size 200`."""
