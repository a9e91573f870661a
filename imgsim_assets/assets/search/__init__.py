"""The assets of the group `search`: photos as vectors, two indices over them, and how those compare."""
