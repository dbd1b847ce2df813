"""What a recording is, by its first bytes alone: names and what a client says of it count for nothing.

Lists of other files and addresses, which a reader of films would open in turn, are no films here.
"""

from gaitbridge.service.problems import Problem

HEAD = 512  # bytes that are looked at
PACKET = 188  # of an MPEG transport stream
BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # one begins an MP4 or QuickTime file
FILMS = (b"\x1aE\xdf\xa3", b"FLV\x01", b"OggS", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"0&\xb2u\x8ef\xcf\x11", b"YUV4MPEG2 ", b"DKIF",
         b"\x00\x00\x00\x01", b"\x00\x00\x01\x67", b"\xff\xd8\xff")  # fmt: skip
SCANS = ((b"LASF", ".las"), (b"#ROSBAG V", ".bag"), (b"\x89MCAP0\r\n", ".mcap"), (b"SQLite format 3\x00", ".db3"), (b"\x93NUMPY", ".npy"),
         (b"# .PCD", ".pcd"), (b"VERSION 0.7", ".pcd"), (b"VERSION .7", ".pcd"), (b"\xd4\xc3\xb2\xa1", ".pcap"), (b"\xa1\xb2\xc3\xd4", ".pcap"),
         (b"\x4d\x3c\xb2\xa1", ".pcap"), (b"\xa1\xb2\x3c\x4d", ".pcap"), (b"\n\r\r\n", ".pcap"))  # fmt: skip
ZIP, NAME_AT = b"PK\x03\x04", 30  # and where the name of its first file stands, whose length the two bytes at 26 say
KNOWN = ("a film (MP4, MOV, MKV, WebM, AVI, MPEG, FLV, ASF, OGG, H.264, MJPEG), LiDAR scans (.las, .laz, .pcap, .bag, .mcap, .db3, .pcd, .npy, "
         ".npz, or a .zip of .bin or .pcd) or a .npz of sequences")


def kind_of(head: bytes) -> tuple[str, str]:
    """film, scans or arrays (a .npz: scans or sequences, as its names tell; other zips are archives of scans), and the ending by which a reader knows
    it. Problem 415 otherwise."""
    if not head:
        raise Problem(400, "the recording is empty: send its bytes as the body, such as `curl --data-binary @film.mp4`")
    if head.startswith(ZIP):
        return ("arrays", ".npz") if _first_name(head).endswith(b".npy") else ("scans", ".zip")
    for magic, suffix in SCANS:
        if head.startswith(magic):
            return "scans", suffix
    riff = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    stream = head[:1] == b"G" and head[PACKET : PACKET + 1] == b"G"
    if riff or stream or head[4:8] in BOXES or head.startswith(FILMS):
        return "film", ".film"
    raise Problem(415, f"what was sent begins like none of the recordings that are read here: send {KNOWN}")


def _first_name(head: bytes) -> bytes:
    """Of the files of a zip, as far as it is there."""
    return head[NAME_AT : NAME_AT + int.from_bytes(head[26:28], "little")]
