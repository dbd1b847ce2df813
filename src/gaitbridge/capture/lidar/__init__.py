"""From LiDAR recordings to walking people: readers/ -> scans -> ground, background -> clusters -> gates -> tracks -> a walk each -> the store.

    scans.py       what readers give, made clean
    readers/       one file a format; a folder is the registry
    recordings.py  which of the files given make up one recording
    geometry.py    the LiDAR's beams from what the file tells of them, or by --sensor
    ground.py      levelling, and heights above uneven ground
    background.py  what stands still before a LiDAR that stands still
    clusters.py    points that belong together
    limbs.py       hands, legs and feet that a cluster has lost
    gates.py       what may be a person, cluster by cluster and track by track
    ego.py         how the LiDAR itself moved
    detect.py      all of these over one recording, in a process of its own
    walk.py        tracks, judged, and what is kept of each
    run.py         recordings to a store
"""
