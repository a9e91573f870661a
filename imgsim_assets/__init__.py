"""imgsim finds images that mean the same thing: a folder of photos in, ranked recommendations out."""
