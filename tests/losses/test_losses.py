"""Each loss against slow plain code, in float64."""

import math

import pytest
import torch
from torch import Tensor

from gaitbridge.losses.cross_entropy import CosineClassifier, cross_entropy
from gaitbridge.losses.distance_contrastive import distance_contrastive
from gaitbridge.losses.imitation import between_samples, direction, within_samples
from gaitbridge.losses.info_nce import info_nce
from gaitbridge.losses.supervised_contrastive import cross_contrastive, supervised_contrastive
from gaitbridge.losses.triplet import triplet, violations

PEOPLE = torch.tensor([0, 0, 1, 1, 2, 2, 2])


def samples(seed: int, count: int = 7) -> Tensor:
    return torch.randn(count, 5, 3, generator=torch.Generator().manual_seed(seed))


def unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=-1, keepdim=True)


@pytest.mark.parametrize("same", [True, False])
def test_triplet(same: bool) -> None:
    a, b = samples(0), samples(0 if same else 1)
    per_part = []
    for k in range(3):
        hinges = []
        for i in range(7):
            for p in range(7):
                for n in range(7):
                    if PEOPLE[p] == PEOPLE[i] and PEOPLE[n] != PEOPLE[i] and not (same and p == i):
                        gap = (a[i, :, k] - b[p, :, k]).norm() - (a[i, :, k] - b[n, :, k]).norm() + 4.0  # so large that d(a, a) would count
                        hinges.append(max(0.0, float(gap)))
        active = [h for h in hinges if h > 0]
        per_part.append(sum(active) / max(len(active), 1))
    assert float(triplet(a, b, PEOPLE, PEOPLE, 4.0, same)) == pytest.approx(sum(per_part) / 3, rel=1e-4)


def test_triplets_within_the_margin_are_counted_part_by_part() -> None:
    a, b = samples(0), samples(1)
    found = [(a[i, :, k] - b[p, :, k]).norm() - (a[i, :, k] - b[n, :, k]).norm() + 0.5 > 0
             for k in range(3) for i in range(7) for p in range(7) for n in range(7) if PEOPLE[p] == PEOPLE[i] and PEOPLE[n] != PEOPLE[i]]
    assert violations(a, b, PEOPLE, PEOPLE, 0.5) == (sum(map(bool, found)), len(found))
    assert 0 < sum(map(bool, found)) < len(found)
    apart = torch.nn.functional.one_hot(PEOPLE, 5).double()[:, :, None].expand(7, 5, 3)
    assert violations(apart, apart, PEOPLE, PEOPLE, 0.2) == (0, len(found))  # everybody at one place, all others far


def test_triplet_without_triplets_is_zero_and_differentiable() -> None:
    x = samples(2).requires_grad_()
    loss = triplet(x, x, torch.zeros(7), torch.zeros(7), same=True)
    loss.backward()
    assert loss.item() == 0.0
    assert torch.isfinite(x.grad).all()  # type: ignore[arg-type]


def test_cross_entropy() -> None:
    classify = CosineClassifier(parts=3, channels=5, people=4)
    x, people = samples(3), torch.tensor([0, 1, 2, 3, 0, 1, 2])
    total = 0.0
    for k in range(3):
        for i in range(7):
            weight = classify.weight[k].detach()
            logits = [16.0 * float(unit(x[i, :, k]) @ unit(weight[:, c])) for c in range(4)]
            normal = math.log(sum(math.exp(v) for v in logits))
            target = [0.9 * (c == int(people[i])) + 0.1 / 4 for c in range(4)]
            total -= sum(q * (v - normal) for q, v in zip(target, logits, strict=True))
    assert float(cross_entropy(classify(x), people)) == pytest.approx(total / 21, rel=1e-4)


@pytest.mark.parametrize("people", [None, PEOPLE])
def test_info_nce(people: Tensor | None) -> None:
    a, b = samples(4), samples(5)
    total = 0.0
    for k in range(3):
        for i in range(7):
            allowed = [j for j in range(7) if j == i or people is None or people[j] != people[i]]
            for x, y in ((a, b), (b, a)):
                logits = {j: float(unit(x[i, :, k]) @ unit(y[j, :, k])) / 0.1 for j in allowed}
                total -= logits[i] - math.log(sum(math.exp(v) for v in logits.values()))
    assert float(info_nce(a, b, 0.1, people)) == pytest.approx(total / (2 * 21), rel=1e-4)


def test_supervised_contrastive() -> None:
    people = torch.tensor([0, 0, 1, 1, 2, 2, 3])  # the last has no positive and does not count
    x = samples(6)
    total = 0.0
    for k in range(3):
        for i in range(6):
            logits = {j: float(unit(x[i, :, k]) @ unit(x[j, :, k])) / 0.1 for j in range(7) if j != i}
            normal = math.log(sum(math.exp(v) for v in logits.values()))
            mates = [j for j in logits if people[j] == people[i]]
            total -= sum(logits[j] - normal for j in mates) / len(mates)
    assert float(supervised_contrastive(x, people)) == pytest.approx(total / 18, rel=1e-4)


def test_distance_contrastive() -> None:
    people = torch.tensor([0, 0, 1, 1, 2, 2, 3])  # the last has no positive and does not count
    x = samples(6)[:, :, 0]
    total = 0.0
    for i in range(6):
        logits = {j: -float((unit(x[i]) - unit(x[j])).norm()) / 0.1 for j in range(7) if j != i}
        normal = math.log(sum(math.exp(v) for v in logits.values()))
        total -= sum(logits[j] - normal for j in logits if people[j] == people[i])  # each has one mate
    assert float(distance_contrastive(x, people, 0.1)) == pytest.approx(total / 6, rel=1e-4)
    same = torch.cat([x, x])[:8].requires_grad_()
    distance_contrastive(same, torch.arange(8) % 7, 0.1).backward()
    assert torch.isfinite(same.grad).all()  # type: ignore[arg-type]
    assert float(distance_contrastive(x, torch.arange(7), 0.1)) == 0.0


def test_cross_contrastive() -> None:
    people = torch.tensor([0, 0, 1, 1, 2, 2, 2])
    a, b = samples(8), samples(9)
    total = 0.0
    for k in range(3):
        for i in range(7):
            for x, y in ((a, b), (b, a)):
                logits = [float(unit(x[i, :, k]) @ unit(y[j, :, k])) / 0.1 for j in range(7)]
                normal = math.log(sum(math.exp(v) for v in logits))
                mates = [j for j in range(7) if people[j] == people[i]]
                total -= sum(logits[j] - normal for j in mates) / len(mates)
    assert float(cross_contrastive(a, b, people)) == pytest.approx(total / (2 * 21), rel=1e-4)


def test_imitation() -> None:
    student, teacher = samples(10), samples(11)
    apart = [1 - float(unit(student[n, :, k]) @ unit(teacher[n, :, k])) for n in range(7) for k in range(3)]
    assert float(direction(student, teacher)) == pytest.approx(sum(apart) / 21, rel=1e-4)
    parts = [abs(float(unit(student[n, :, k]) @ unit(student[n, :, j])) - float(unit(teacher[n, :, k]) @ unit(teacher[n, :, j])))
             for n in range(7) for k in range(3) for j in range(3)]
    assert float(within_samples(student, teacher)) == pytest.approx(sum(parts) / 63, rel=1e-4)
    own, wanted = student.amax(2), teacher.amax(2)
    between = [abs(float(unit(own[n]) @ unit(own[m])) - float(unit(wanted[n]) @ unit(wanted[m]))) for n in range(7) for m in range(7)]
    assert float(between_samples(student, teacher)) == pytest.approx(sum(between) / 49, rel=1e-4)


def test_supervised_contrastive_gradient_is_finite() -> None:
    x = samples(7).requires_grad_()
    supervised_contrastive(x, PEOPLE).backward()
    assert torch.isfinite(x.grad).all()  # type: ignore[arg-type]
    assert float(x.grad.abs().sum()) > 0  # type: ignore[union-attr]
