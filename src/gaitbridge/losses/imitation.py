"""What a student's embeddings owe a teacher's: their direction, and how parts and samples lie to each other (after UniCrossGait's recipe)."""

from torch import Tensor
from torch.nn import functional


def direction(student: Tensor, teacher: Tensor) -> Tensor:
    """1 - mean over samples and parts of cos(s_np, t_np); embeddings [N, C, K]. Zero where every part points the teacher's way."""
    return 1.0 - functional.cosine_similarity(student.float(), teacher.float(), dim=1).mean()


def within_samples(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean |A(s_n) - A(t_n)| over samples, A the K x K cosines between a sample's parts; embeddings [N, C, K]."""
    own, wanted = (functional.normalize(x.float(), dim=1) for x in (student, teacher))
    return (own.transpose(1, 2) @ own - wanted.transpose(1, 2) @ wanted).abs().mean()


def between_samples(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean |B(s) - B(t)|, B the N x N cosines between samples, each the largest over its parts, channel by channel; embeddings [N, C, K]."""
    own, wanted = (functional.normalize(x.float().amax(2), dim=1) for x in (student, teacher))
    return (own @ own.T - wanted @ wanted.T).abs().mean()
