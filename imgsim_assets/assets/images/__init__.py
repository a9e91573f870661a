"""The assets of the group `images`: the watched folder, its catalogue, the hidden labels, and edges."""
