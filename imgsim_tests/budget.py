"""How many examples property tests draw: few each time, other ones each time; all of them where somebody asks.

`EXAMPLES=all` in the environment draws as many as the test names.
"""

import os

SHARE = 1.0 if os.environ.get("EXAMPLES") == "all" else 0.25
FEWEST = 10


def examples(most: int) -> int:
    """Give the number of examples of a test that names `most` of them."""
    return max(min(most, FEWEST), round(most * SHARE))
