"""Nearest-neighbour libraries behind one small protocol, and the exact search that they are held against."""
