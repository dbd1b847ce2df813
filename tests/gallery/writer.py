"""Enrols people one by one and says each when it is on the disk: python writer.py GALLERY FIRST COUNT. To be killed at any moment."""

import sys

from gallery_people import embeddings, walks

from gaitbridge.gallery.gallery import Gallery

if __name__ == "__main__":
    gallery, first, count = Gallery(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    gallery.people()  # all that is imported is imported
    print("ready", flush=True)
    for number in range(first, first + count):
        name = f"w{number:04d}"
        done = gallery.enrol(embeddings([name, name]), walks([name, name]))
        print(name if done.added else f"known {name}", flush=True)
