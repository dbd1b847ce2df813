"""Mesh-Gait: the network is whole without objective and mesh, the losses are what they say, and their gradients reach the heatmaps."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor

from gaitbridge.config import checked, overridden
from gaitbridge.losses.mesh import edge_loss, normal_loss
from gaitbridge.methods.meshgait import objective as objectives
from gaitbridge.methods.meshgait.network import Network, NetworkConfig
from gaitbridge.methods.meshgait.reconstruct import recover
from gaitbridge.methods.meshgait.reconstruction import Reconstruction, ReconstructionConfig, confidences, example_truth
from gaitbridge.models.heatmaps import HeatmapConfig
from gaitbridge.simulation.truth import read_out_of
from gaitbridge.types import Batch

HEATMAPS = HeatmapConfig(depth=4, channels=(8, 12), fused_channels=8)
SMALL = NetworkConfig(channels=(8, 8), strides=(2, 2), stem_stride=1, parts=8, embedding=16, heatmaps=HEATMAPS)
PLAIN = SMALL.model_copy(update={"heatmaps": None})


def small_batch(count: int = 4, frames: int = 2) -> Batch:
    random = torch.Generator().manual_seed(0)
    silhouettes = (torch.rand(count, frames, 64, 44, generator=random) > 0.5).to(torch.uint8) * 255
    torch.manual_seed(0)
    return Batch({"silhouettes": silhouettes}, torch.full((count,), frames), torch.arange(count) // 2,
                 extras=example_truth(HEATMAPS, count, frames))


def read_off(points: Tensor, scale_m: Tensor) -> dict[str, Tensor]:
    return {"points": points, "scale_m": scale_m, "spread": torch.full(points.shape[:-1], 0.15)}


def objective(network: NetworkConfig = SMALL, **settings: object) -> objectives.Objective:
    torch.manual_seed(1)
    changed = [f"{k.replace('__', '.')}={v}" for k, v in settings.items()]
    document = overridden(objectives.ObjectiveConfig().model_dump(mode="json"), changed)
    return objectives.Objective(checked(objectives.ObjectiveConfig, document), network, people=4)


def test_embeddings_are_the_same_with_objective_mesh_and_simulation_absent() -> None:
    code = """
import sys, torch
for absent in ("methods.meshgait.objective", "methods.meshgait.reconstruction", "methods.meshgait.reconstruct",
               "methods.meshgait.truth", "losses", "simulation"):
    sys.modules[f"gaitbridge.{absent}"] = None  # importing it now fails
from gaitbridge.methods.meshgait.network import Network, NetworkConfig
from gaitbridge.models.heatmaps import HeatmapConfig
from gaitbridge.types import Batch
torch.manual_seed(0)
heatmaps = HeatmapConfig(depth=4, channels=(8, 12), fused_channels=8)
net = Network(NetworkConfig(channels=(8, 8), strides=(2, 2), stem_stride=1, parts=8, embedding=16, heatmaps=heatmaps)).eval()
net.encoder.read_off = None  # the read-out is gone
net.encoder.branch.heads["markers"], net.encoder.branch.scale = None, None
images = torch.arange(3 * 2 * 64 * 44).reshape(3, 2, 64, 44).remainder(251).to(torch.uint8)
with torch.no_grad():
    values = net.embed(Batch({"silhouettes": images}, torch.full((3,), 2), torch.full((3,), -1)))["silhouettes"]
torch.save(values, sys.argv[1])
"""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "values.pt"
        subprocess.run([sys.executable, "-c", code, str(file)], check=True)
        alone = torch.load(file, weights_only=True)
    torch.manual_seed(0)
    net = Network(SMALL).eval()
    images = torch.arange(3 * 2 * 64 * 44).reshape(3, 2, 64, 44).remainder(251).to(torch.uint8)
    with torch.no_grad():
        given = Batch({"silhouettes": images}, torch.full((3,), 2), torch.full((3,), -1))
        here, in_training = net.embed(given)["silhouettes"], net(given).embeddings["silhouettes"]
    assert torch.equal(alone, here)
    assert torch.equal(here, in_training)


def test_padding_and_batch_size_do_not_change_embeddings_or_bodies() -> None:
    torch.manual_seed(0)
    config = SMALL.model_copy(update={"backbone": "pseudo3d", "heatmaps": HEATMAPS.model_copy(update={"whole_walk": True})})
    net, images = Network(config).eval(), small_batch(3, frames=4).inputs["silhouettes"]
    with torch.no_grad():
        alone = net.embed(Batch({"silhouettes": images[:1, :2]}, torch.tensor([2]), torch.tensor([-1])))["silhouettes"][0]
        among = net.embed(Batch({"silhouettes": images}, torch.tensor([2, 4, 3]), torch.full((3,), -1)))["silhouettes"][0]
    assert torch.allclose(alone, among, atol=1e-5)
    read_out = read_out_of("anny-10pc")
    short, long = images[0, :2].numpy(), images[1].numpy()
    one, two = recover(net, [short], read_out)[0], recover(net, [short, long], read_out)[0]
    assert np.allclose(one.vertices, two.vertices, atol=1e-5)


def test_the_losses_vanish_on_the_truth_and_are_metres_off_it() -> None:
    """Points made from true bodies give no joints, markers or scale loss; moved by 0.1 m to the right they give a tenth of the weight."""
    torch.manual_seed(0)
    module = Reconstruction(ReconstructionConfig(joints=1.0, markers=1.0, vertices=1.0, edges=1.0, normals=1.0, scale=1.0, mesh_frames=6), 31, 64)
    markers = torch.randn(2, 3, 64, 3) * 0.3
    scale = torch.tensor([[1.6, 1.7, 1.8], [1.5, 1.9, 2.0]])
    truth = {"joints": torch.randn(2, 3, 31, 3) * 0.3, "markers": markers, "root": torch.rand(2, 3, 2), "scale_m": scale,
             "known": torch.ones(2, 3, dtype=torch.bool), "vertices": torch.einsum("vm,ntma->ntva", module.convex, markers)}
    zero = torch.zeros(2, 3, 1)

    def points(moved: float) -> Tensor:
        both = torch.cat([truth["joints"], truth["markers"]], dim=2) + torch.tensor([moved, 0, 0])
        return both / scale[..., None, None] + torch.cat([truth["root"], zero], dim=2)[:, :, None]

    losses = module(read_off(points(0.0), scale), truth)
    assert set(losses) == {"joints", "markers", "vertices", "edges", "normals", "scale"}
    assert all(float(loss) < 1e-5 for name, loss in losses.items() if name != "normals")
    likely = read_off(points(0.0), scale) | {"log_likelihood": torch.full((2, 3, 95), -1.5)}
    assert float(module(likely, truth)["cells"]) == pytest.approx(1.5 * module.config.cells)
    likely["log_likelihood"][:, :, 31:] = -9.0  # without a weight on markers their cells do not count either
    joints_alone = Reconstruction(ReconstructionConfig(markers=0.0, vertices=0.0, edges=0.0, normals=0.0), 31, 64)
    found = joints_alone(likely, truth)
    assert set(found) == {"joints", "scale", "cells"}
    assert float(found["cells"]) == pytest.approx(1.5 * module.config.cells)
    off = module(read_off(points(0.1), scale * 1.1), truth)
    for name in ("joints", "markers", "vertices"):
        assert float(off[name]) == pytest.approx(0.1 / 3, rel=1e-3)
    assert float(off["edges"]) < 1e-5
    assert float(off["scale"]) == pytest.approx(np.log(1.1), rel=1e-4)


def test_build_is_compared_over_the_walk_and_not_in_each_frame() -> None:
    """Bones a tenth too long in one frame and a tenth too short in the other are no error of build; a frame with nobody says nothing."""
    module = Reconstruction(ReconstructionConfig(shape=5.0), 31, 64)
    body = torch.randn(1, 1, 95, 3) * 0.3
    body[:, :, 0] = 0
    truth = {"joints": body[:, :, :31].expand(1, 3, 31, 3), "markers": body[:, :, 31:].expand(1, 3, 64, 3), "root": torch.full((1, 3, 2), 0.5),
             "scale_m": torch.full((1, 3), 1.7), "known": torch.tensor([[True, True, False]]), "vertices": torch.zeros(1, 3, 1229, 3)}

    def shape_loss(*longer: float) -> float:
        points = torch.cat([body * factor for factor in longer], dim=1) / 1.7 + torch.tensor([0.5, 0.5, 0])
        return float(module(read_off(points, truth["scale_m"]), truth)["shape"])

    lengths = (body[0, 0, 1:31] - body[0, 0, module.parents[1:]]).norm(dim=1)
    assert shape_loss(1.1, 0.9, 7.0) == pytest.approx(0, abs=1e-5)
    assert shape_loss(1.1, 1.1, 7.0) == pytest.approx(0.1 * 5.0 * float(lengths.mean()), rel=1e-4)
    assert "shape" not in Reconstruction(ReconstructionConfig(), 31, 64)(read_off(body.expand(1, 3, 95, 3), truth["scale_m"]), truth)


def test_the_cells_of_joints_and_markers_count_alike_where_asked() -> None:
    likelihood = torch.cat([torch.full((2, 31), -1.0), torch.full((2, 64), -4.0)], dim=1)
    apart = Reconstruction(ReconstructionConfig(cells_of="sets"), 31, 64)
    assert float(apart.cell_loss(likelihood)) == pytest.approx(5.0)
    assert float(Reconstruction(ReconstructionConfig(), 31, 64).cell_loss(likelihood)) == pytest.approx((31 + 4 * 64) / 95)
    assert float(Reconstruction(ReconstructionConfig(cells_of="sets", markers=0.0), 31, 64).cell_loss(likelihood)) == pytest.approx(1.0)


def test_bodies_are_recovered_from_frames_as_far_apart_as_embeddings_see_them() -> None:
    """With context and every second frame, frames 0, 2 and 4 see one another and 1 and 3 do: two walks of half as many frames."""
    torch.manual_seed(0)
    apart, near = (Network(SMALL.model_copy(update={"heatmaps": HEATMAPS.model_copy(update={"every": every, "context": True})})) for every in (2, 1))
    torch.nn.init.normal_(apart.encoder.branch.heads["joints"].weight, std=1.0)  # type: ignore[arg-type]
    near.load_state_dict(apart.state_dict())
    read_out, walk = read_out_of("anny-10pc"), small_batch(1, frames=5).inputs["silhouettes"][0].numpy()
    whole = recover(apart, [walk], read_out, heatmaps=True)[0]
    assert whole.joints.shape == (5, 31, 3)
    assert whole.heatmaps is not None
    assert len(whole.heatmaps) == 5
    for start in (0, 1):
        half = recover(near, [walk[start::2]], read_out)[0]
        assert np.allclose(whole.joints[start::2], half.joints, atol=1e-5)
    assert not np.allclose(whole.joints, recover(near, [walk], read_out)[0].joints, atol=1e-4)
    film, half = recover(near, [walk, walk[:4]], read_out, rates_hz=[20.0, 10.0])  # twice the rate: every second frame is as long apart
    assert np.allclose(whole.joints, film.joints, atol=1e-5)
    assert np.allclose(half.joints, recover(near, [walk[:4]], read_out)[0].joints, atol=1e-5)


def test_frames_in_which_nobody_is_seen_do_not_count() -> None:
    module, batch = Reconstruction(ReconstructionConfig(mesh_frames=100), 31, 64), small_batch(2, 3)
    points, scale = torch.rand(2, 3, 95, 3), torch.full((2, 3), 1.7)
    known = torch.tensor([[True, False, True], [True, True, False]])
    truth = dict(batch.extras) | {"known": known}
    first = module(read_off(points, scale), truth)
    spoilt = {name: torch.where(known.reshape(2, 3, *[1] * (value.ndim - 2)), value, value + 9) if value.ndim > 2 else value
              for name, value in truth.items()}
    second = module(read_off(points, scale), spoilt)
    for name in first:
        assert float(first[name]) == pytest.approx(float(second[name]), rel=1e-4), name
    nobody = module(read_off(points, scale), truth | {"known": torch.zeros(2, 3, dtype=torch.bool)})
    assert float(sum(nobody.values())) == 0


def test_edges_and_normals_against_plain_geometry() -> None:
    truth = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]])
    triangles, edges = torch.tensor([[0, 1, 2]]), torch.tensor([[0, 1], [1, 2], [0, 2]])
    assert float(edge_loss(truth * 2, truth, edges)) == pytest.approx((1 + 2**0.5 + 1) / 3)
    assert float(normal_loss(truth * 2, truth, triangles)) == pytest.approx(0.0, abs=1e-6)
    upright = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 0, 1]]])  # its edges from the origin to z lie along the true normal
    assert float(normal_loss(upright, truth, triangles)) == pytest.approx((0 + 2**-0.5 + 1) / 3)


@pytest.mark.parametrize(("settings", "reached"), [({}, True), ({"reconstruction__detach_mesh": "true"}, False)])
def test_the_gradients_of_the_mesh_reach_the_heatmaps_unless_detached(settings: dict[str, object], reached: bool) -> None:
    torch.manual_seed(0)
    net, batch = Network(SMALL), small_batch()
    losses = objective(SMALL, **settings)(net(batch), batch, 1.0)
    head = net.encoder.branch.heads["markers"].weight
    mesh = losses["vertices"] + losses["edges"] + losses["normals"]
    gradient = torch.autograd.grad(mesh, head, allow_unused=True)[0] if mesh.requires_grad else None  # type: ignore[arg-type]
    assert (gradient is not None and float(gradient.abs().max()) > 0) == reached


@pytest.mark.parametrize("settings", [{}, {"confidence": True}, {"read_out": "dense"}])
def test_the_read_out_on_arrays_and_in_training_is_one_map(settings: dict[str, object]) -> None:
    module = Reconstruction(ReconstructionConfig(**settings), 31, 64)  # type: ignore[arg-type]
    random = np.random.default_rng(0)
    points, unsure = random.normal(0, 0.3, (2, 95, 3)).astype(np.float32), random.uniform(0.01, 0.3, (2, 95)).astype(np.float32)
    sure = confidences(torch.from_numpy(unsure[:, 31:])).numpy() if "confidence" in settings else None
    wanted = read_out_of("anny-10pc").vertices(points[:, :31], points[:, 31:], dense="read_out" in settings, confidence=sure)
    made = module.vertices(torch.from_numpy(points), torch.from_numpy(unsure)).numpy()
    assert np.allclose(made, wanted, atol=1e-5)
    low, high = points[:, 31:].min((1, 2), keepdims=True), points[:, 31:].max((1, 2), keepdims=True)
    assert "read_out" in settings or ((made >= low - 1e-5) & (made <= high + 1e-5)).all()  # convex


def test_reconstruction_forms_first() -> None:
    torch.manual_seed(0)
    net, batch = Network(SMALL), small_batch()
    made = objective(form_first=0.5)
    with torch.no_grad():
        features = net(batch)
        begun, risen = made(features, batch, 0.0), made(features, batch, 0.5)
    assert float(begun["cross_entropy"]) == 0
    assert float(risen["cross_entropy"]) > 0
    assert float(begun["joints"]) == float(risen["joints"]) > 0


def test_recognition_alone_needs_no_truth_and_starts_at_once() -> None:
    torch.manual_seed(0)
    net, batch = Network(PLAIN), small_batch()._replace(extras={})
    losses = objective(PLAIN, reconstruction="null")(net(batch), batch, 0.0)
    assert set(losses) == {"cross_entropy", "triplet", "supervised_contrastive"}
    assert float(losses["cross_entropy"]) > 0
    with pytest.raises(ValueError, match="nothing to reconstruct from"):
        objective(PLAIN)


def test_bodies_follow_the_points_with_the_networks_own_scale() -> None:
    torch.manual_seed(0)
    net, silhouettes = Network(SMALL).eval(), small_batch(1, 3).inputs["silhouettes"][0].numpy()
    silhouettes[1] = 0
    found = recover(net, [silhouettes], read_out_of("anny-10pc"), heatmaps=True)[0]
    assert found.known.tolist() == [True, False, True]
    assert found.joints.shape == (3, 31, 3)
    assert found.vertices.shape == (3, 1229, 3)
    assert found.heatmaps is not None
    assert found.heatmaps.shape == (3, 95, 4, 32, 22)
    assert np.allclose(found.joints[:, 0], 0)
    # by hand from the heatmaps: rows are y
    rows = (found.heatmaps.sum((2, 4)) * (np.arange(32) + 0.5) / 32).sum(-1)  # [T, P] in picture heights
    assert np.allclose(found.joints[..., 1], (rows[:, :31] - rows[:, :1]) * found.scale_m[:, None], atol=1e-4)
    assert np.allclose(found.root_px[:, 1], rows[:, 0] * 64 - 0.5, atol=1e-3)
