"""What walks were made of, read from what stores say of themselves, and what is said where a threshold was fixed on others."""

from gaitbridge.gallery.kinds import Kind, kind_of, together

CAMERA = {"kind": "captured", "sensor": "camera", "segmenter": "mog2", "site": "", "files": [{"site": "gate"}, {"site": "yard"}, {"site": ""}]}
LIDARS = [{"facts": {"lidar": name}} for name in ("ouster-os1-128", "ouster-os1-64")]
LIDAR = {"kind": "captured", "sensor": "lidar", "site": "gate", "files": LIDARS}
SIMULATED = {"kind": "simulated", "config": {"lidar": "velodyne-vls128"}}


def test_what_stores_say() -> None:
    assert kind_of(CAMERA) == Kind(kind="captured", sites=("gate", "yard"), segmenters=("mog2",))
    assert kind_of(LIDAR) == Kind(kind="captured", sites=("gate",), lidars=("ouster-os1-128", "ouster-os1-64"))
    assert kind_of(SIMULATED) == Kind(kind="simulated", lidars=("velodyne-vls128",))
    assert kind_of({"kind": "imported", "dataset": "casia_b"}) == Kind(kind="imported", sites=("casia_b",))
    assert kind_of({}) == kind_of({"kind": None, "files": ["damaged"], "config": 3}) == Kind()
    both = together([kind_of(CAMERA), kind_of(LIDAR)])
    assert both == Kind(kind="captured", sites=("gate", "yard"), segmenters=("mog2",), lidars=("ouster-os1-128", "ouster-os1-64"))
    assert both.in_words() == "captured, by mog2, of ouster-os1-128 and ouster-os1-64, at gate and yard"


def test_in_what_they_differ() -> None:
    street = Kind(kind="captured", sites=("gate",), segmenters=("mog2",), lidars=("ouster-os1-128",))
    assert street.unlike(street) == street.unlike(Kind()) == Kind().unlike(street) == ()
    assert kind_of(SIMULATED).unlike(street) == ("simulated, not captured",)
    assert street.unlike(Kind(kind="captured", sites=("gate", "yard"))) == ("of the site gate, not yard",)
    other = Kind(kind="captured", segmenters=("people.onnx 3f9a2c71",), lidars=("velodyne-vls128",))
    assert street.unlike(other) == ("segmented by mog2, not people.onnx 3f9a2c71", "of the LiDAR ouster-os1-128, not velodyne-vls128")
    assert together([street, other]).unlike(other) == ()  # it was among what was calibrated on
