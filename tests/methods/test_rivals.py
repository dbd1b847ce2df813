"""Rival methods in the same house: what they are made of, that they teach the encoders, and that nothing of a teacher is deployed."""

from pathlib import Path

import pytest
import torch
from rival_runs import resumed_as_never_stopped
from small_objective import SMALL, objective, small_batch
from torch.nn import functional

from gaitbridge.errors import UserError
from gaitbridge.methods.diffcrossgait.network import MODALITIES, Network, NetworkConfig
from gaitbridge.methods.diffcrossgait.objective import Objective
from gaitbridge.methods.diffcrossgait.teacher import balances, confidence
from gaitbridge.models.cross_fusion import CrossFusion
from gaitbridge.models.prototypes import PrototypeAttention
from gaitbridge.store import Store
from gaitbridge.types import Features

TEACHER = ("objective.teacher={}", "objective.alignment.kind=none", "objective.diffusion.phases=[]", "objective.identity.triplets=across")


def taught() -> tuple[Network, Objective, Features, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    network, criterion, batch = Network(SMALL), objective(teacher="{}", alignment__kind="none", diffusion__phases="[]"), small_batch(16, seed=3)
    features = network(batch)
    features = features._replace(extras=features.extras | criterion.beside(batch))
    return network, criterion, features, criterion(features, batch, 1.0)


def test_students_imitate_and_the_teacher_is_taught_by_people_alone() -> None:
    network, criterion, _, losses = taught()
    assert set(losses) == {"cross_entropy", "triplet", "teacher_cross_entropy", "teacher_triplet", "imitation_camera", "imitation_lidar"}
    teacher = list(criterion.teacher.parameters())  # type: ignore[union-attr]
    for name, loss in losses.items():
        own = torch.autograd.grad(loss, teacher, retain_graph=True, allow_unused=True)
        assert any(g is not None and bool(g.any()) for g in own) == name.startswith("teacher_"), name
    for name, modality in (("imitation_camera", MODALITIES[0]), ("imitation_lidar", MODALITIES[1])):
        for other in MODALITIES:
            stem = network.encoders[other].stem[0].weight  # type: ignore[union-attr, index]
            (gradient,) = torch.autograd.grad(losses[name], stem, retain_graph=True, allow_unused=True)
            assert (gradient is not None and bool(gradient.any())) == (other == modality), (name, other)


def test_a_student_at_its_teachers_place_has_nothing_to_imitate() -> None:
    _, criterion, features, _ = taught()
    same = features._replace(embeddings=dict.fromkeys(MODALITIES, features.extras["teacher"].detach()))
    losses = criterion(same, small_batch(16, seed=3), 1.0)
    assert float(losses["imitation_camera"]) == pytest.approx(0.0, abs=1e-5)


def test_imitation_grows_over_the_training() -> None:
    _, criterion, features, late = taught()
    early = criterion(features, small_batch(16, seed=3), 0.0)
    assert float(late["imitation_lidar"].detach()) == pytest.approx(15 * float(early["imitation_lidar"].detach()), rel=1e-4)
    assert float(late["teacher_triplet"].detach()) == pytest.approx(float(early["teacher_triplet"].detach()))


def test_the_less_sure_student_imitates_more() -> None:
    people = torch.tensor([0, 1])
    logits = torch.full((2, 3, 2), -1.0)
    logits[0, 0], logits[1, 1] = 1.0, 1.0
    sure = confidence(logits, people, 0.5)
    assert float(sure) == pytest.approx(float(torch.softmax(torch.tensor([2.0, -2.0, -2.0]), 0)[0]))
    camera, lidar = balances(torch.tensor(0.2), torch.tensor(0.6))
    assert float(camera) == pytest.approx(0.5 * (1 + float(torch.tanh(torch.tensor(0.75)))))
    assert float(lidar) == pytest.approx(0.5 * (1 + float(torch.tanh(torch.tensor(0.25)))))


def test_fusion_looks_at_the_other_sensor_alone() -> None:
    torch.manual_seed(0)
    fuse = CrossFusion(8, heads=2).eval()
    one, other = torch.randn(2, 8, 4, 3), torch.randn(2, 8, 4, 3)
    found = fuse(one, other)
    assert found.shape == one.shape
    assert not torch.allclose(found, fuse(one, other.roll(1, 0)))
    tokens = [x.flatten(2).transpose(1, 2) for x in (one, torch.zeros_like(other))]
    told = fuse.attend[0](tokens[0], tokens[1], tokens[1])[0]  # the other shows nothing, so all pixels hear alike
    assert torch.allclose(told.std(1), torch.zeros(2, 8), atol=1e-6)


def test_a_training_with_a_teacher_is_resumed_to_the_bit(toy_store: Store, tmp_path: Path) -> None:
    resumed_as_never_stopped(toy_store, tmp_path, *TEACHER)


def test_a_teacher_wants_the_whole_batch() -> None:
    with pytest.raises(UserError, match="train in one process"):
        objective(teacher="{}").begin(Network(SMALL), 2)
    with pytest.raises(ValueError, match="do not divide"):
        objective(teacher='{"heads":3}')


def test_prototypes_are_attended_to_part_by_part() -> None:
    torch.manual_seed(0)
    attend = PrototypeAttention(MODALITIES, 4, 3)
    features = torch.randn(2, 4, 5)
    adapted = features[1, :, 2] + attend.adapt[MODALITIES[0]](features[1, :, 2])
    share = functional.softmax(attend.keys @ attend.ask(adapted) / 2.0, dim=0)
    expected = adapted + sum(share[m] * attend.values[m] for m in range(3))
    assert torch.allclose(attend(features, MODALITIES[0])[1, :, 2], expected, atol=1e-6)
    assert not torch.allclose(attend(features, MODALITIES[0]), attend(features, MODALITIES[1]))


def test_prototypes_and_linear_maps_of_ones_own_are_learnt() -> None:
    torch.manual_seed(0)
    config = NetworkConfig(**SMALL.model_dump() | {"prototypes": 6, "linear_maps": "own"})
    network, batch = Network(config), small_batch(16)
    losses = objective(alignment__kind="cross_contrastive", diffusion__phases="[]")(network(batch), batch)
    torch.stack(list(losses.values())).sum().backward()
    learnt = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and bool(p.grad.any())}
    assert {"attend", "lidar", "shared"} <= learnt
    assert {"attend.keys", "lidar.weight"} <= set(network.state_dict())
    assert not {"attend.keys", "lidar.weight"} & set(Network(SMALL).state_dict())
