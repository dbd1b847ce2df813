"""The network is whole without its objective, and every part of the objective can be switched off and teaches the encoders."""

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from small_objective import SMALL, objective, small_batch

from gaitbridge import plugins
from gaitbridge.config import checked, overridden
from gaitbridge.errors import UserError
from gaitbridge.losses.triplet import triplet
from gaitbridge.methods.diffcrossgait.diffusion import DiffusionConfig
from gaitbridge.methods.diffcrossgait.identity import IdentityConfig, identity_losses, make_classifier
from gaitbridge.methods.diffcrossgait.network import MODALITIES, Network, NetworkConfig
from gaitbridge.methods.diffcrossgait.objective import Objective, ObjectiveConfig, truth
from gaitbridge.methods.diffcrossgait.phases import person_means
from gaitbridge.methods.meshgait.reconstruction import ReconstructionConfig, example_truth
from gaitbridge.methods.meshgait.truth import Truth
from gaitbridge.models.backbones import share_convolutions
from gaitbridge.models.folding import folded
from gaitbridge.models.heatmaps import HeatmapConfig
from gaitbridge.training.checkpoint import fill, save_checkpoint
from gaitbridge.types import Batch, Features


def test_embeddings_are_the_same_without_the_objective_even_imported() -> None:
    code = """
import sys, torch
for training_only in TRAINING_ONLY:
    sys.modules[training_only] = None  # importing it now fails
from gaitbridge.methods.diffcrossgait.network import Network, NetworkConfig
from gaitbridge.types import Batch
torch.manual_seed(0)
net = Network(NetworkConfig(channels=(8, 8), strides=(2, 2), stem_stride=1, parts=8, embedding=16)).eval()
images = torch.arange(3 * 2 * 64 * 44).reshape(3, 2, 64, 44).remainder(251).to(torch.uint8)
with torch.no_grad():
    print(net.embed(Batch({"silhouettes": images}, torch.full((3,), 2), torch.full((3,), -1)))["silhouettes"].double().sum().item())
"""
    package = "gaitbridge.methods.diffcrossgait"
    training_only = [f"{package}.{name}" for name in plugins.names(package) if name != "network"]
    code = code.replace("TRAINING_ONLY", repr([*training_only, "gaitbridge.models.denoiser"]))
    alone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    torch.manual_seed(0)
    net = Network(SMALL).eval()
    images = torch.arange(3 * 2 * 64 * 44).reshape(3, 2, 64, 44).remainder(251).to(torch.uint8)
    with torch.no_grad():
        here = net.embed(Batch({"silhouettes": images}, torch.full((3,), 2), torch.full((3,), -1)))["silhouettes"].double().sum().item()
    assert float(alone.stdout) == pytest.approx(here, abs=1e-6)


def test_padding_and_batch_size_do_not_change_embeddings() -> None:
    torch.manual_seed(0)
    net, batch = Network(SMALL).eval(), small_batch(4, frames=3)
    with torch.no_grad():
        whole = net.embed(batch)
        for name, images in batch.inputs.items():
            longer = torch.cat([images, images.flip(0)[:, :1]], 1)  # a fourth frame, somebody else's, that must not count
            masked = net.embed(Batch({name: longer}, batch.frames, batch.people))[name]
            single = net.embed(Batch({name: images[:1]}, batch.frames[:1], batch.people[:1]))[name]
            assert torch.allclose(masked, whole[name], atol=1e-5)
            assert torch.allclose(single, whole[name][:1], atol=1e-5)
            assert torch.allclose(whole[name].norm(dim=1), torch.ones(4, 8), atol=1e-5)


def test_distance_and_crop_of_the_range_do_not_tell_who_it_is() -> None:
    torch.manual_seed(0)
    net, batch = Network(SMALL).eval(), small_batch(2)
    near = batch.inputs["range_views"]
    with torch.no_grad():
        a, b = (net.embed(Batch({"range_views": x}, batch.frames, batch.people))["range_views"] for x in (near, near + 7.5))
    assert torch.allclose(a, b, atol=1e-3)


def test_all_losses_reach_both_encoders() -> None:
    torch.manual_seed(0)
    net, batch = Network(SMALL), small_batch(16, seed=3)
    criterion = objective(latent_identity=0.5)
    losses = criterion(net(batch), batch, 1.0)
    assert set(losses) == {"cross_entropy", "triplet", "supervised_contrastive", "latent_cross_entropy", "latent_triplet", "denoising",
                           "phase1_anchoring", "phase2_dynamics", "phase3_recoverability"}
    for name, loss in losses.items():
        for modality in MODALITIES:
            weight = net.encoders[modality].stem[0].weight  # type: ignore[union-attr,index]
            (gradient,) = torch.autograd.grad(loss, weight, retain_graph=True, allow_unused=True)
            assert gradient is not None, f"{name} does not reach the {modality} encoder"
            assert torch.isfinite(gradient).all()
            assert float(gradient.abs().max()) > 0, f"{name} has no gradient in the {modality} encoder"


@pytest.mark.parametrize("phase", [1, 2, 3])
def test_each_phase_alone(phase: int) -> None:
    batch = small_batch()
    losses = objective(diffusion__phases=f"[{phase}]")(Network(SMALL)(batch), batch)
    assert [name for name in losses if name.startswith("phase")] == [name for name in losses if name.startswith(f"phase{phase}")]
    assert "denoising" in losses


def test_identity_losses_only_has_no_diffusion_at_all() -> None:
    criterion = objective(diffusion__phases="[]", alignment__kind="none")
    assert criterion.diffusion is None
    batch = small_batch()
    assert set(criterion(Network(SMALL)(batch), batch)) == {"cross_entropy", "triplet"}


@pytest.mark.parametrize("kind", ["info_nce", "cross_contrastive"])
def test_the_phases_go_with_any_alignment(kind: str) -> None:
    batch = small_batch()
    losses = objective(alignment__kind=kind)(Network(SMALL)(batch), batch)
    assert {kind, "denoising", "phase1_anchoring"} <= set(losses)
    assert "supervised_contrastive" not in losses


def test_triplets_across_the_modalities_alone() -> None:
    people, random = torch.arange(8) // 2, torch.Generator().manual_seed(0)
    embeddings = {m: torch.randn(8, 16, 4, generator=random) for m in MODALITIES}
    classify = make_classifier(IdentityConfig(), 4, 16, 8)
    found = {kind: identity_losses(embeddings, people, classify, checked(IdentityConfig, {"triplets": kind, "margin": 4.0}))["triplet"]
             for kind in ("all", "across")}
    unit = {m: torch.nn.functional.normalize(x, dim=1) for m, x in embeddings.items()}
    blocks = {(a, b): float(triplet(unit[a], unit[b], people, people, 4.0, same=a == b)) for a in MODALITIES for b in MODALITIES}
    assert float(found["across"]) == pytest.approx(sum(x for (a, b), x in blocks.items() if a != b) / 2)
    assert float(found["all"]) == pytest.approx(sum(blocks.values()) / 4)


def test_each_modality_may_have_a_classifier_of_its_own() -> None:
    torch.manual_seed(0)
    classify = make_classifier(IdentityConfig(classifiers="own"), 4, 16, 8)
    both = torch.randn(6, 16, 4)
    logits = classify(both)
    assert logits.shape == (6, 8, 4)
    (gradient,) = torch.autograd.grad(logits[:3].sum(), classify.own[MODALITIES[1]].weight, allow_unused=True)  # type: ignore[index, union-attr]
    assert gradient is None or not gradient.any(), "the first modality's rows reach the second's classifier"
    assert torch.allclose(logits[3:], classify.own[MODALITIES[1]](both[3:]))  # type: ignore[index, operator]


def test_warm_up_starts_from_the_identity_losses() -> None:
    batch = small_batch()
    features = Network(SMALL)(batch)
    losses = objective()(features, batch, 0.0)
    assert all(float(loss.detach()) == 0 for name, loss in losses.items() if name not in ("cross_entropy", "triplet"))


def test_shared_noise_drives_equal_latents_to_equal_trajectories() -> None:
    from gaitbridge.methods.diffcrossgait import trajectory

    diffusion = objective().diffusion
    assert diffusion is not None
    diffusion.denoise.embed_modality.weight.data.zero_()
    z, eps, t = torch.randn(4, 32, 8), torch.randn(4, 32, 8), torch.tensor([5, 40, 70, 95])
    abar_t = trajectory.level(trajectory.signal_levels(), t)
    z_t = trajectory.diffuse(z, eps, abar_t)
    for found in diffusion.denoised(dict.fromkeys(MODALITIES, z_t), t, abar_t):
        assert torch.allclose(found[MODALITIES[0]], found[MODALITIES[1]], atol=1e-5)


def test_latents_cannot_shrink() -> None:
    diffusion = objective().diffusion
    assert diffusion is not None
    parts = {name: 0.05 * torch.randn(32, 16, 8) + 5 for name in MODALITIES}
    for z in diffusion.latents(Features(parts, {})).values():
        assert float(z.std(0).mean().detach()) == pytest.approx(1.0, abs=0.25)


def test_the_latent_may_be_the_embedding_itself() -> None:
    net, batch = Network(SMALL), small_batch()
    criterion, features = objective(diffusion__latent_from="embedding"), net(batch)
    assert criterion.diffusion is not None
    latents = criterion.diffusion.latents(features)
    assert torch.allclose(latents["silhouettes"], 4.0 * features.embeddings["silhouettes"])  # sixteen channels of unit length
    assert float(latents["silhouettes"].square().mean().detach()) == pytest.approx(1.0)
    assert "phase2_dynamics" in criterion(features, batch)


def test_a_relative_agreement_and_a_person_to_recover_teach_the_encoders() -> None:
    net, batch = Network(SMALL), small_batch(16)
    torch.manual_seed(0)
    losses = objective(diffusion__agreement="contrastive", diffusion__recovers="person")(net(batch), batch)
    for name in ("denoising", "phase1_anchoring", "phase2_dynamics", "phase3_recoverability"):
        for modality in MODALITIES:
            weight = net.encoders[modality].stem[0].weight  # type: ignore[index, union-attr]
            (gradient,) = torch.autograd.grad(losses[name], weight, retain_graph=True)
            assert float(gradient.abs().sum()) > 0, (name, modality)


def test_what_is_recovered_may_be_the_person() -> None:
    latents = {m: torch.randn(4, 2, 3, requires_grad=True) for m in MODALITIES}
    found = person_means(latents, torch.tensor([0, 1, 0, 2]))
    mean = (latents[MODALITIES[0]] + latents[MODALITIES[1]]) / 2
    assert torch.allclose(found[0], (mean[0] + mean[2]) / 2)
    assert torch.equal(found[0], found[2])
    assert torch.allclose(found[3], mean[3])
    assert not found.requires_grad


@pytest.mark.parametrize(("setting", "message"), [
    ("diffusion.phases=[4]", "diffusion.phases"), ("diffusion.boundaries=[70,30]", "boundaries must rise"),
    ("alignment.kind=supcon", "alignment.kind"), ("diffusion.phasse=[1]", "did you mean 'phases'"), ("warm_up=2", "warm_up")])
def test_wrong_settings_are_named(setting: str, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("[", r"\[")):
        checked(ObjectiveConfig, overridden(ObjectiveConfig().model_dump(mode="json"), [setting]))


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="do not divide into 16 parts"):
        NetworkConfig(channels=(8, 8), strides=(2, 4), parts=16)


def stages_of(net: Network) -> list[Any]:
    """The residual blocks of both encoders."""
    return [cast(Any, net.encoders[name]).stages for name in MODALITIES]


def test_late_stages_may_be_shared_with_norms_of_their_own() -> None:
    torch.manual_seed(0)
    net = Network(SMALL.model_copy(update={"shared_from": 2}))
    camera, lidar = stages_of(net)
    assert camera[1].conv1 is lidar[1].conv1
    assert camera[1].shortcut[0] is lidar[1].shortcut[0]
    assert camera[0].conv1 is not lidar[0].conv1
    assert camera[1].norm1 is not lidar[1].norm1
    batch = small_batch()
    net(batch)
    assert not torch.equal(camera[1].norm1.running_mean, lidar[1].norm1.running_mean)
    plain = Network(SMALL)
    saved = sum(p.numel() for p in plain.parameters()) - sum(p.numel() for p in net.parameters())
    assert saved == sum(p.numel() for name, p in stages_of(plain)[0][1].named_parameters() if p.dim() > 1)
    net.eval()
    with torch.no_grad():
        wanted, found = net.embed(batch), cast(Any, folded(net)).embed(batch)
    for name in MODALITIES:
        assert torch.allclose(wanted[name], found[name], atol=1e-5)


def test_common_norms_mix_the_sensors() -> None:
    net = Network(SMALL.model_copy(update={"shared_from": 1, "shared_norms": True}))
    camera, lidar = stages_of(net)
    assert camera[0].norm2 is lidar[0].norm2


def test_a_stage_that_is_not_there_cannot_be_shared() -> None:
    with pytest.raises(UserError, match="there are 2 stages: give 1 to 2"):
        checked(NetworkConfig, SMALL.model_dump(mode="json") | {"shared_from": 3})
    own, other = (stages_of(Network(SMALL.model_copy(update={"channels": sizes})))[0] for sizes in ((8, 8), (4, 8)))
    with pytest.raises(ValueError, match="share from a later stage"):
        share_convolutions(own, other, 0)


def test_shared_stages_are_saved_and_found_again(tmp_path: Path) -> None:
    torch.manual_seed(0)
    settings = SMALL.model_copy(update={"shared_from": 1})
    net, rest = Network(settings), torch.nn.Linear(2, 2)
    optimiser = torch.optim.AdamW([*net.parameters(), *rest.parameters()])
    folder = save_checkpoint(tmp_path, 1, net, rest, optimiser, {}, best=True)
    torch.manual_seed(1)
    other = Network(settings)
    fill(other, folder, "network")
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))
    assert stages_of(other)[0][0].conv1 is stages_of(other)[1][0].conv1


def test_both_encoders_may_recover_the_body_and_both_embeddings_use_it() -> None:
    heatmaps = HeatmapConfig(depth=4, channels=(8, 12), fused_channels=8, detach=True)
    config = SMALL.model_copy(update={"heatmaps": heatmaps, "heatmaps_lidar": heatmaps})
    torch.manual_seed(0)
    net, batch = Network(config), small_batch(4)
    seen, other = example_truth(heatmaps, 4, 2), {f"lidar_{name}": value for name, value in example_truth(heatmaps, 4, 2).items()}
    batch = batch._replace(extras=seen | other)
    weights = ReconstructionConfig()
    made = Objective(ObjectiveConfig(diffusion=DiffusionConfig(phases=()), reconstruction=weights, lidar_reconstruction=weights), config, people=4)
    losses = made(net(batch), batch)
    assert {"joints", "cells", "lidar_joints", "lidar_cells"} <= set(losses)
    assert float(losses["joints"]) != float(losses["lidar_joints"])
    (losses["lidar_joints"] + losses["lidar_cells"]).backward()
    encoders = cast(Any, net.encoders)
    taught = {name: encoders[name].branch.heads["joints"].weight.grad for name in MODALITIES}
    assert taught["silhouettes"] is None
    assert float(taught["range_views"].abs().max()) > 0
    net.eval()
    with torch.no_grad():
        before = net.embed(batch)
        net.body.weight.zero_()  # type: ignore[union-attr]
        without = net.embed(batch)
    assert all(not torch.allclose(before[name], without[name]) for name in MODALITIES)
    assert truth(ObjectiveConfig(lidar_reconstruction=weights)) == Truth(mesh=True, camera=False, lidar=True)


def test_the_lidars_heatmaps_need_a_branch_and_as_many_channels() -> None:
    with pytest.raises(ValueError, match=r"lidar_reconstruction needs network\.heatmaps_lidar"):
        Objective(ObjectiveConfig(lidar_reconstruction=ReconstructionConfig()), SMALL, people=4)
    with pytest.raises(UserError, match="fused_channels are 8 and 16"):
        SMALL.model_copy(update={"heatmaps": HeatmapConfig(fused_channels=8), "heatmaps_lidar": HeatmapConfig(fused_channels=16)})
