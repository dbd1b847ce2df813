"""Published checkpoints: every tensor in its place, the numbers of the public implementation, and what does not fit is refused whole."""

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import published_checkpoints as published
import pytest
import torch

import gaitbridge
from gaitbridge.cli import main
from gaitbridge.errors import UserError
from gaitbridge.geometry.depth_picture import depth_picture
from gaitbridge.methods.swingait.network import Network as SwinGait
from gaitbridge.methods.swingait.network import NetworkConfig as SwinGaitConfig
from gaitbridge.models.published_names import CLASSIFIER
from gaitbridge.store import Store
from gaitbridge.training.checkpoint import pointed, read_part, start_partly
from gaitbridge.training.foreign_checkpoints import listed, read_checkpoint
from gaitbridge.training.weights import as_ours, described, import_weights, method_named, problems

PARITY = Path(__file__).parents[1].parent / "shared" / "parity"
SMALL = published.resnet((8, 16, 32, 64), (1, 2, 2, 1), 12, 31)
C = (8, 16, 12, 24)
CLASSIFIERS = {CLASSIFIER: 2, "Head1.fc_bin": 2, "reduce_cls.weight": 0}  # and the axis of the people
NOT_TOLD = {"gln": ("network.size=[64,44]",), "gaitgraph2 openpose": ("network.fill_missing=true",)}  # by tensors: by case, to be set
# network and tensors; then what the public implementation gives for them on `inputs` (docs/networks.md says which version): shape, standard
# deviation, the first three channels of the first part and the last three of the last
VARIANTS: dict[str, tuple[published.Shapes, tuple[int, ...], float, list[float]]] = {
    "gaitset": (published.gaitset((8, 16, 24), 12, 62), (12, 62), 9.99240, [-0.96117, 0.5006, 3.7483, 5.19328, 10.21199, -7.28472]),
    "gaitbase": (SMALL, (12, 31), 24.43159, [-0.17667, -25.85569, 29.24436, 1.84374, -3.10637, 6.31293]),
    "deepgaitv2 2d": (published.deep("2d", C, (1, 2, 1, 1), 12), (12, 16), 13.32462,
                      [5.44563, -11.8567, 13.72975, -10.39076, 25.24424, 4.21952]),
    "deepgaitv2 p3d": (published.deep("p3d", C, (1, 2, 2, 1), 12), (12, 16), 88.54871,
                       [22.16283, -67.04886, 85.78564, -61.65955, 46.19287, 38.30434]),
    "deepgaitv2 3d": (published.deep("3d", C, (1, 2, 1, 1), 12), (12, 16), 15.49574,
                      [3.90222, -27.01316, 4.51289, -20.69026, 5.19237, 12.10427]),
    "smplgait": (published.smplgait((8, 8, "M", 16, 16, "M", 24, 32), 12, 31), (12, 31), 28.37320,
                 [23.54747, -37.77754, -2.74322, -48.29778, -32.66542, 2.42114]),
    "skeletongait": (published.deep("p3d", C, (1, 1, 1, 1), 12, pictures=2), (12, 16), 34.19712,
                     [24.90825, -38.61422, 28.38421, -29.68903, 4.35187, 16.92105]),
    "skeletongait++": (published.skeleton_pp((32, 64, 128, 256), (2, 1, 1, 1), 128), (128, 16), 35.70282,
                       [1.96022, 14.62663, 0.42524, 49.34383, -13.03096, -20.98944]),
    "parsinggait": (published.parsinggait((8, 16, 24, 32), (1, 1, 2, 1), 12, ("fine", "coarse")), (12, 32), 37.58768,
                    [43.75242, -50.20718, 29.64324, -19.6695, 4.62731, -26.01796]),
    "gaitgraph2": (published.gaitgraph2((16, 8), (16, 24), 4, 12), (36, 1), 5.14485, [-10.67953, -0.43237, -0.38085, 3.63086, 0.75228, 7.98791]),
    "gaitgraph2 openpose": (published.gaitgraph2((8, 8, 12), (16, 16, 24), 4, 12, 18), (36, 1), 2.2282,
                            [-2.81489, 2.57468, 2.04528, -0.98606, -1.11548, 0.45898]),
    "gaittr": (published.gaittr((32, 32, 64), 12), (12, 1), 1133.77026, [-747.78247, 966.77472, 523.06018, -1007.01312, -741.30609, -1971.64465]),
    "gaittr openpose": (published.gaittr((32, 64), 12, 18), (12, 1), 210.16704,
                        [-452.55774, -299.15417, -260.12552, -59.269, -326.37363, -49.27884]),
    "multigait++": (published.multigait_pp((64, 128, 256, 512), (1, 2, 1, 1), 256), (256, 16), 40.4851,
                    [-12.35159, 6.2495, -8.48322, -23.06787, -11.61967, 21.8484]),  # the public code has no other widths
    "gaitgl": (published.gaitgl((8, 12, 16, 16), 1, 16), (16, 64), 0.58234, [0.42798, -0.04465, 0.21714, -0.34133, 0.88338, 0.20294]),
    "gaitgl deep": (published.gaitgl((8, 12, 16, 20), 2, 20), (20, 64), 0.43662, [-0.09183, -0.05323, 0.04991, -0.19244, -0.44747, 0.25826]),
    "gaitgl neck": (published.gaitgl((8, 12, 16, 20), 2, 20, neck=True), (20, 64), 0.38556,
                    [-0.06152, -0.24465, 0.00978, 0.02541, -0.08622, 0.32964]),
    "swingait": (published.swingait((8, 12), (1, 2), (2, 1), 256), (256, 15), 3.03001,
                 [1.74756, 1.80342, -1.61551, -3.26628, -1.27394, -2.32831]),
    "gln": (published.gln((8, 12, 16), 20, 24), (24, 93), 10.02108, [6.4413, -12.25916, 9.51045, -32.2126, 15.29254, 11.89859]),
    "gaitpart": (published.gaitpart((8, 12, 16), 12), (12, 16), 5.32808, [-4.30215, 4.85484, 3.95196, 5.05825, -9.13579, 6.70523]),
    "gaitpart deep": (published.gaitpart((8, 12, 16, 20), 12), (12, 16), 3.03144, [-1.94505, -0.33424, 3.04502, -2.13205, -0.73446, 1.35339]),
}
# of walks that padding could reach in a batch: so many first frames
SHORT = {"gaitgl deep": {2: (0.42335, [-0.09072, -0.03359, 0.06334, -0.1889, -0.41482, 0.28926]),
                         1: (0.45984, [-0.09135, -0.05391, 0.07185, -0.17677, -0.45732, 0.26621])},
         "gaitpart": {2: (4.1678, [-3.59152, 3.90264, 3.24179, 3.73864, -6.69972, 4.71276]),
                      1: (2.95794, [-2.73416, 3.01658, 2.13898, 1.36826, -7.16379, 3.61402])},
         "gaitgraph2": {4: (3.88863, [-8.55622, 0.80926, 0.53868, 3.25464, 1.5518, 5.15159]),
                        2: (2.05432, [-4.99882, 1.55892, 0.0535, 1.42194, 1.66791, 1.02163]),
                        1: (1.77172, [-4.0893, 1.1071, 0.03421, 1.18457, 1.29285, 1.56394])},
         "gaitgraph2 openpose": {4: (1.46112, [-1.40676, 0.37673, 1.19291, -2.52207, -0.61853, -0.24188]),
                                 1: (0.4396, [-0.45734, 0.41996, 0.49294, -0.56833, 0.10178, 0.1992])},
         "gaittr": {4: (870.91492, [-817.27362, 216.72128, 262.08835, -1370.7655, -180.95482, -1488.43127]),
                    2: (454.18671, [-330.26581, 88.36874, -4.48304, -554.07159, -410.07483, -779.37274]),
                    1: (419.27835, [-439.38736, -29.66468, 118.06075, -634.23438, -199.992, -788.22729])},
         "multigait++": {2: (30.40753, [-6.26426, 9.89589, -8.21168, -22.58925, -11.40589, 14.85536]),
                         1: (16.96779, [0.35081, -2.02103, -0.27109, -5.66367, -4.27215, 9.08889])},
         "swingait": {4: (2.97542, [1.26365, 2.52021, -3.16972, -2.19527, -2.00153, -0.94933]),
                      2: (2.83907, [2.75557, 0.46921, -1.02121, -0.75673, -0.22895, -2.9872]),
                      1: (2.78216, [4.39246, 0.72293, -0.55344, 0.49222, 0.80032, -3.94419])}}


def inputs(joints: int = 17) -> dict[str, np.ndarray]:
    skeletons = (np.random.Generator(np.random.PCG64(7)).random((9, joints, 3)) * [20, 40, 1]).astype(np.float32)
    skeletons[[1, 4, 4], [3, 5, 9]] = 0  # not found
    random = np.random.Generator(np.random.PCG64(5))
    return {"silhouettes": np.where(random.random((5, 64, 44)) < 0.4, 255, 0).astype(np.uint8),
            "pose_heatmaps": random.integers(0, 256, (5, 2, 64, 44)).astype(np.uint8),
            "parsing": np.random.Generator(np.random.PCG64(6)).integers(0, 12, (5, 64, 44)).astype(np.uint8),
            "smpl": random.standard_normal((5, 85)).astype(np.float32), "skeletons": skeletons}


def inputs_of(case: str) -> dict[str, np.ndarray]:
    return inputs(18 if "openpose" in case else 17)


def imported(tmp_path: Path, shapes: published.Shapes, network: str, *overrides: str) -> Path:
    run = tmp_path / "run"
    import_weights(published.save(tmp_path / "weights.pt", shapes), run, network, overrides)
    return run


@pytest.mark.parametrize("case", VARIANTS)
def test_numbers_of_the_public_implementation(case: str, tmp_path: Path) -> None:
    shapes, shape, spread, values = VARIANTS[case]
    model = gaitbridge.load(imported(tmp_path, shapes, case.split()[0], *NOT_TOLD.get(case, ())))
    (names,) = model.inputs.values()
    found = model.embed(least_quality=0, **{name: [inputs_of(case)[name]] for name in names}).values[0]
    assert found.shape == shape
    assert model.distance == ("cosine" if "gaitgraph2" in case else "euclidean")
    assert found.std() == pytest.approx(spread, rel=1e-4)
    assert [*found[:3, 0], *found[-3:, -1]] == pytest.approx(values, abs=1e-4 * spread)


@pytest.mark.parametrize(("case", "network"), [("GaitBase-Gait3D", "gaitbase"), ("DeepGaitV2-SUSTech1K", "deepgaitv2"),
                                               ("LidarGait-SUSTech1K", "lidargait"), ("GaitGL-CASIA-B", "gaitgl"),
                                               ("SwinGait-Gait3D", "swingait"), ("ParsingGait-Gait3D-Parsing", "parsinggait"),
                                               ("GaitGraph2-CASIA-B", "gaitgraph2")])
def test_parity_with_the_field_s_toolkit(case: str, network: str, tmp_path: Path) -> None:
    file = PARITY / f"{case}.npz"
    if not file.is_file():
        pytest.skip(f"no parity cases: {file.name} is not in a folder shared/parity beside the repository")
    with np.load(file, allow_pickle=False) as arrays:
        known = dict(arrays)
    shapes = {str(name): tuple(json.loads(str(shape))) for name, shape in zip(known["names"], known["shapes"], strict=True)}
    run = imported(tmp_path, shapes, network, *(("network.fill_missing=true",) if network == "gaitgraph2" else ()))
    model = gaitbridge.load(run)
    given = known["input0_raw" if network == "gaitgraph2" else "input0"][0]
    found = model.embed(least_quality=0, **{model.modalities[0]: [given]}).values
    assert np.abs(found - known["output"]).max() < 1e-5 * np.abs(known["output"]).max()
    about = json.loads((run / "provenance.json").read_text())
    left_out = 512 * 256 + 256 * (3000 + 2) if network == "swingait" else 0  # a 16th part that nothing sees
    assert about["parameters"] + about["objective_parameters"] + left_out == int(known["parameters"])
    assert about["people"] == sum(shapes[name][axis] for name, axis in CLASSIFIERS.items() if name in shapes)


@pytest.mark.parametrize("case", SHORT)
def test_short_walks_beside_longer_ones_give_the_public_implementation_s_numbers(case: str, tmp_path: Path) -> None:
    model = gaitbridge.load(imported(tmp_path, VARIANTS[case][0], case.split()[0], *NOT_TOLD.get(case, ())))
    (names,) = model.inputs.values()
    whole = {name: inputs_of(case)[name] for name in names}
    found = model.embed(least_quality=0, **{name: [one, *(one[:frames] for frames in SHORT[case])] for name, one in whole.items()}).values[1:]
    for values, (spread, wanted) in zip(found, SHORT[case].values(), strict=True):
        assert values.std() == pytest.approx(spread, rel=1e-4)
        assert [*values[:3, 0], *values[-3:, -1]] == pytest.approx(wanted, abs=1e-4 * spread)


@pytest.mark.parametrize("case", VARIANTS)
def test_every_tensor_is_found_again_in_the_run(case: str, tmp_path: Path) -> None:
    shapes, network = VARIANTS[case][0], case.split()[0]
    folder = pointed(imported(tmp_path, shapes, network), "best")
    assert folder is not None
    parts = {part: read_part(folder, part) for part in ("network", "objective")}
    _, names = described(method_named(network), shapes)
    assert set(names) == set(shapes)
    assert len(set(names.values())) == len(names) == sum(map(len, parts.values()))
    for name, target in names.items():
        assert torch.equal(parts[target.part][target.name].float(), as_ours(published.tensor(name, shapes[name]), target).float()), name


@pytest.mark.parametrize(("network", "shapes", "wanted"), [
    ("gaitbase", published.resnet((8, 16, 32), (1, 1, 2), 12, 24), {"channels": (8, 16, 32), "blocks": (1, 1, 2), "strides": (1, 2, 2)}),
    ("gaitbase", published.resnet((8, 16, 32, 64), (1, 1, 1, 1), 12, 24), {"bins": (16, 8)}),
    ("gaitbase", published.resnet((8, 8, 8, 8), (1, 1, 1, 1), 12, 8), {"strides": (1, 2, 2, 1), "bins": (8,), "embedding": 12}),
    ("lidargait", published.resnet((8, 16, 32, 64), (1, 1, 1, 1), 12, 16, pictures=3), {"picture": "colours", "size": (64, 64)}),
    ("deepgaitv2", published.deep("3d", (8, 16, 16, 16), (1, 1, 3, 1), 16), {"mode": "3d", "blocks": (1, 1, 3, 1), "embedding": 16}),
    ("deepgaitv2", published.deep("p3d", C, (1, 4, 4, 1), 12, people=0), {"mode": "p3d", "blocks": (1, 4, 4, 1), "embedding": 12}),
    ("gaitset", published.gaitset((8, 16, 24), 12, 24), {"channels": (8, 16, 24), "bins": (8, 4)}),
    ("smplgait", published.smplgait((8, "M", 16, 24, "M", 32), 12, 16, people=0), {"channels": (8, 16, 24, 32), "halve_after": (1, 3)}),
    ("gln", published.gln((8, 12, 16), 20, 24, people=0), {"channels": (8, 12, 16), "lateral": 20, "embedding": 24, "bins": (16, 8, 4, 2, 1)}),
    ("gaitgl", published.gaitgl((8, 12, 16, 20), 2, 20), {"channels": (8, 12, 16, 20), "convolutions": 2, "strips": 2, "norm": True}),
    ("gaitgl", published.gaitgl((8, 12, 16, 16), 1, 16, neck=True), {"channels": (8, 12, 16, 16), "strips": 8, "norm": False, "embedding": 16}),
])
def test_sizes_are_read_off_the_tensors(network: str, shapes: published.Shapes, wanted: dict[str, object], tmp_path: Path) -> None:
    settings = gaitbridge.load(imported(tmp_path, shapes, network)).config.network.model_dump()
    assert {key: settings[key] for key in wanted} == wanted


def test_without_a_classifier_nothing_is_classified(tmp_path: Path) -> None:
    with_it = {name: shape for name, shape in SMALL.items() if name != CLASSIFIER}
    facts = import_weights(published.save(tmp_path / "a.pt", with_it), tmp_path / "a", "gaitbase")
    assert facts["people"] == 0
    assert len(facts["dropped"]) == 5  # the neck, of no use without the classifier
    bare = {name: shape for name, shape in SMALL.items() if not name.startswith("BNNecks")}
    import_weights(published.save(tmp_path / "b.pt", bare), tmp_path / "b", "gaitbase")
    import_weights(published.save(tmp_path / "c.pt", SMALL), tmp_path / "c", "GaitBase")
    a, b, c = (gaitbridge.load(tmp_path / name) for name in "abc")
    assert a.weights_hash == b.weights_hash == c.weights_hash
    assert not list(b.objective().parameters())
    assert c.objective().identity.classify.weight.shape == (31, 12, 5)


def test_wrapped_names_half_precision_and_what_training_adds_are_read(tmp_path: Path) -> None:
    module = torch.nn.Linear(2, 2)
    optimiser = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [10, 20, 20])
    document = {"model": {f"module.{name}": one.half() for name, one in published.state(SMALL).items()}, "optimizer": optimiser.state_dict(),
                "scheduler": schedule.state_dict(), "iteration": 1234}
    torch.save(document, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    facts = import_weights(tmp_path / "a.pt", tmp_path / "run", "gaitbase")
    assert facts["source_step"] == 1234
    assert pointed(tmp_path / "run", "last") == tmp_path / "run" / "checkpoints" / "step-0001234"
    found = read_part(tmp_path / "run" / "checkpoints" / "step-0001234", "network")
    assert torch.equal(found["encoder.stem.0.weight"], published.tensor("Backbone.forward_block.conv1.conv.weight", (8, 1, 3, 3)).half().float())


def test_range_views_are_taken_where_depth_pictures_are(tmp_path: Path) -> None:
    model = gaitbridge.load(imported(tmp_path, published.resnet((8, 16, 32, 64), (1, 1, 1, 1), 12, 16, pictures=3), "lidargait"))
    view = np.random.default_rng(0).uniform(5, 9, (3, 64, 64)).astype(np.float32)
    view[:, :, :20] = np.nan
    pictures = np.stack([depth_picture(frame) for frame in view])
    wanted = model.embed(least_quality=0, depth_pictures=[pictures])
    for given in (view, pictures):
        found = model.embed(least_quality=0, range_views=[given])
        assert (found.values == wanted.values).all()
        assert found.modality == "depth_pictures"


def test_an_imported_run_is_evaluated_like_any_other(toy_store: Store, tmp_path: Path) -> None:
    run = imported(tmp_path, SMALL, "gaitbase")
    assert main(["evaluate", str(run), "--data", str(toy_store.path), "--protocol", "simulated", "--out", str(tmp_path / "results")]) == 0
    assert json.loads((tmp_path / "results" / "results.json").read_text())


def test_the_command_line_imports_and_takes_what_tensors_do_not_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = published.save(tmp_path / "a.pt", SMALL)
    assert main(["weights", "import", str(file), str(tmp_path / "run"), "--network", "gaitbase", "--set", "network.size=[64,64]"]) == 0
    assert gaitbridge.load(tmp_path / "run").config.network.size == (64, 64)  # type: ignore[attr-defined]
    assert "a classifier of 5 people" in capsys.readouterr().out
    assert main(["weights", "import", str(file), str(tmp_path / "run"), "--network", "gaitbase"]) == 2
    assert "exists" in capsys.readouterr().err


def test_swingait_begins_with_the_convolutions_of_deepgaitv2(tmp_path: Path) -> None:
    run = imported(tmp_path, published.deep("p3d", (8, 12, 16, 20), (1, 2, 1, 1), 12), "deepgaitv2")
    network = SwinGait(SwinGaitConfig(channels=(8, 12), blocks=(1, 2), tokens=16, heads=2, layers=(1, 1)))
    _, count = start_partly(run, network)
    own = [name for name in network.state_dict() if name.startswith(("stem.", "stages."))]
    assert count == len(own)
    wanted = published.tensor("layer2.1.conv1.forward_block.0.weight", (12, 12, 3, 3))
    assert torch.equal(network.state_dict()["stages.blocks.2.conv1.weight"], wanted)


def test_another_table_of_places_is_refused(tmp_path: Path) -> None:
    tensors = published.state(VARIANTS["swingait"][0])
    name = "transformer.layers.0.blocks.1.attn.relative_position_index"
    tensors[name] = tensors[name].flip(0)
    torch.save({"model": tensors}, tmp_path / "a.pt")
    with pytest.raises(UserError, match=f"{name} is not the table"):
        import_weights(tmp_path / "a.pt", tmp_path / "run", "swingait")


def changed(change: Callable[[dict[str, torch.Tensor]], object]) -> dict[str, torch.Tensor]:
    tensors = published.state(SMALL)
    change(tensors)
    return tensors


def widened(tensors: dict[str, torch.Tensor], name: str, axis: int = 0) -> None:
    tensors[name] = torch.cat([tensors[name], tensors[name]], axis)


LAYER = "Backbone.forward_block.layer3.1"
WRONG: dict[str, tuple[Callable[[dict[str, torch.Tensor]], object], list[str]]] = {
    "missing": (lambda t: (t.pop(f"{LAYER}.conv1.weight"), t.pop("FCs.fc_bin")), ["missing (2): ", f"{LAYER}.conv1.weight", "FCs.fc_bin"]),
    "missing statistics": (lambda t: t.pop("BNNecks.bn1d.running_var"), ["missing (1): BNNecks.bn1d.running_var"]),
    "unknown": (lambda t: t.update({"Backbone.forward_block.extra.weight": torch.ones(2)}), ["unknown (1): Backbone.forward_block.extra.weight"]),
    "kernel": (lambda t: widened(t, f"{LAYER}.conv2.weight", 2), [f"another shape (1): {LAYER}.conv2.weight is [32, 32, 6, 3], not [32, 32, 3, 3]"]),
    "width": (lambda t: widened(t, f"{LAYER}.conv1.weight"), [f"another shape (1): {LAYER}.conv1.weight is [64, 32, 3, 3], not [32, 32, 3, 3]"]),
    "norm": (lambda t: widened(t, f"{LAYER}.bn1.bias"), [f"another shape (1): {LAYER}.bn1.bias is [64], not [32]"]),
    "parts": (lambda t: widened(t, "FCs.fc_bin"), ["another shape (1): FCs.fc_bin is [62, 64, 12], not [31, 64, 12]"]),
    "classifier": (lambda t: widened(t, CLASSIFIER, 1), [f"another shape (1): {CLASSIFIER} is [31, 24, 5], not [31, 12, 5]"]),
    "not finite": (lambda t: t["FCs.fc_bin"].view(-1)[3:4].fill_(torch.nan), ["not finite", "FCs.fc_bin"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_named_and_nothing_is_left(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, words = WRONG[case]
    torch.save({"model": changed(change)}, tmp_path / "a.pt")
    assert main(["weights", "import", str(tmp_path / "a.pt"), str(tmp_path / "run"), "--network", "gaitbase"]) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


@pytest.mark.parametrize("case", [case for case in sorted(VARIANTS) if case not in ("gaitgraph2 openpose", "multigait++")])  # others' names
def test_a_tensor_that_is_gone_or_of_another_shape_is_named(case: str) -> None:
    shapes, method = VARIANTS[case][0], method_named(case.split()[0])
    free = {*CLASSIFIERS.items(), *([] if case == "gln" else [("Head.fc_bin", 2)])}  # people, and an embedding's size that no other tensor tells
    tried = [name for name in shapes if ".running_" not in name and "bn2" not in name and ".1." not in name and ".head.2." not in name]
    for name in tried:
        longer = [tuple(size + (n == axis) for n, size in enumerate(shapes[name])) for axis in range(len(shapes[name])) if (name, axis) not in free]
        for wrong in (*longer, None) if name not in CLASSIFIERS else longer:
            changed_shapes = {key: wrong if key == name and wrong else shape for key, shape in shapes.items() if key != name or wrong}
            try:
                found = "; ".join(problems(*described(method, changed_shapes), changed_shapes))
            except UserError as error:
                found = str(error)
            pair = name.replace(".weight", ".bias") if ".fcn." in f".{name}" else name  # of two that tell an embedding's size either may be named
            assert name in found or pair in found or (wrong and case == "smplgait" and ".feature." in name and found), (name, wrong, found)


def test_the_network_that_a_file_is_of_is_named(tmp_path: Path) -> None:
    shapes = published.deep("p3d", C, (1, 1, 1, 1), 12, pictures=2)
    with pytest.raises(UserError, match="is a skeletongait network, not deepgaitv2: give --network skeletongait"):
        imported(tmp_path, shapes, "deepgaitv2")
    with pytest.raises(UserError, match="did you mean 'deepgaitv2'"):
        imported(tmp_path, shapes, "deepgait")


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (Path.write_text, (Path("was_run"), "x"))  # type: ignore[return-value]


def test_files_that_are_no_checkpoints_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    good = published.save(tmp_path / "good.pt", SMALL)
    kinds = ("hostile", "pickle", "truncated", "text", "empty", "list", "none", "squeezed", "pretends", "folder")
    files = {name: tmp_path / f"{name}.pt" for name in kinds}
    torch.save({"model": published.state(SMALL), "note": Hostile()}, files["hostile"])
    files["pickle"].write_bytes(pickle.dumps({"model": Hostile()}))
    files["truncated"].write_bytes(good.read_bytes()[:-2000])
    files["text"].write_text("no checkpoint")
    files["empty"].write_bytes(b"")
    torch.save([torch.ones(2)], files["list"])
    torch.save({"model": {"a": 3}}, files["none"])
    torch.save({"model": {"a": torch.zeros(10**6)}}, tmp_path / "plain.pt")
    with zipfile.ZipFile(tmp_path / "plain.pt") as plain, zipfile.ZipFile(files["squeezed"], "w", zipfile.ZIP_DEFLATED) as squeezed:
        for entry in plain.namelist():
            squeezed.writestr(entry, plain.read(entry))
    torch.save({"model": {"a": torch.zeros(1).expand(10**9)}}, files["pretends"])
    files["folder"].mkdir()
    for name, file in files.items():
        with pytest.raises(UserError) as raised:
            read_checkpoint(file)
        assert str(file) in str(raised.value), name
        assert "\n" not in str(raised.value), name
    assert not (tmp_path / "was_run").exists()
    torch.save({"model": {"a": torch.ones(1), "module.a": torch.ones(1)}}, files["none"])
    with pytest.raises(UserError, match="twice"):
        read_checkpoint(files["none"])


def test_long_lists_are_cut() -> None:
    assert listed("missing", ["a", "b"]) == "missing (2): a, b"
    assert listed("missing", [str(n) for n in range(100)]).endswith("28, 29 and 70 more")


class Unknown:
    """Something that no checkpoint needs."""


def test_numbers_of_numpy_are_plain_values(tmp_path: Path) -> None:
    numbers = {"iteration": np.int64(7), "best": np.float32(0.5), "flag": np.bool_(True), "big": np.array(3.0, ">f8")[()]}
    torch.save({"model": {"a": torch.ones(2)}, **numbers}, tmp_path / "a.pt")
    named, step = read_checkpoint(tmp_path / "a.pt")
    assert (list(named), step) == (["a"], 7)


@pytest.mark.parametrize(("more", "words"), [
    (Unknown(), "it asks for test_weights_import.Unknown"), (np.ones(3), "it asks for numpy"), (np.str_("abc"), "no plain kind"),
    (np.datetime64("2026-01-01"), "no plain kind"), (Path("x"), "it asks for pathlib"),
])  # fmt: skip
def test_what_is_refused_is_named_without_advice_to_trust_it(more: object, words: str, tmp_path: Path) -> None:
    torch.save({"model": {"a": torch.ones(2)}, "more": more}, tmp_path / "a.pt")
    with pytest.raises(UserError, match=words) as refused:
        read_checkpoint(tmp_path / "a.pt")
    for word in ("\n", "\x1b", "option", "trust", "weights_only", "Weights only"):
        assert word not in str(refused.value)
