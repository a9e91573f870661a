"""What imgsim claims, measured beside its peers in one run: the `imgsim bench` commands."""
