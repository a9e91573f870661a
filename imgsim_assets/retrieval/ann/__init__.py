"""Nearest-neighbour libraries behind one small protocol, and the exact search that judges them."""
