"""The assets of the group `learning`: what is learned from the photos, and how well it ranks those it has not seen."""
