"""The equations of the trajectory, against diffusers and against algebra."""

import pytest
import torch

from gaitbridge.methods.diffcrossgait import trajectory
from gaitbridge.methods.diffcrossgait.phases import partners


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_signal_levels(schedule: trajectory.Schedule) -> None:
    abar = trajectory.signal_levels(schedule)
    assert abar.shape == (trajectory.STEPS + 1,)
    assert abar[0] == 1.0
    assert (abar.diff() < 0).all()
    assert abar[-1] < 1e-3


def test_forward_process_is_the_librarys() -> None:
    from diffusers import DDPMScheduler

    reference = DDPMScheduler(num_train_timesteps=100, beta_schedule="squaredcos_cap_v2")
    z_0, eps, t = torch.randn(6, 4, 8), torch.randn(6, 4, 8), torch.tensor([1, 10, 30, 65, 90, 100])
    ours = trajectory.diffuse(z_0, eps, trajectory.level(trajectory.signal_levels(), t))
    assert torch.allclose(ours, reference.add_noise(z_0, eps, t - 1), atol=1e-6)  # diffusers counts the steps from 0


@pytest.mark.parametrize("target", ["x0", "eps", "v"])
def test_a_perfect_prediction_recovers_latent_and_noise(target: trajectory.Target) -> None:
    z_0, eps, t = torch.randn(5, 4, 8), torch.randn(5, 4, 8), torch.tensor([1, 20, 50, 70, 90])
    abar_t = trajectory.level(trajectory.signal_levels(), t)
    z_t = trajectory.diffuse(z_0, eps, abar_t)
    perfect = trajectory.training_target(z_0, eps, abar_t, target)
    assert torch.allclose(trajectory.recovered_latent(perfect, z_t, abar_t, target), z_0, atol=1e-3)
    assert torch.allclose(trajectory.predicted_noise(perfect, z_t, abar_t, target), eps, atol=1e-3)


def test_partners_permute_within_each_person() -> None:
    people = torch.tensor([3, 1, 3, 2, 1, 3, 1, 2])
    seen = set()
    for seed in range(40):
        torch.manual_seed(seed)
        partner = partners(people)
        assert (people[partner] == people).all()
        assert sorted(partner.tolist()) == list(range(8))
        seen.add(tuple(partner.tolist()))
    assert len(seen) > 20
