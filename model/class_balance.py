"""Classes of unequal size: how unequal they are, and two ways to let the small ones count.

`class_weights` makes the mistakes on small classes dear; `balanced_order` shows their pictures more
often. Source of the weights: Cui et al., "Class-Balanced Loss Based on Effective Number of
Samples", CVPR 2019.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

IMBALANCE = 1.5  # the largest class by the smallest, from which on classes count as unequal
BETA = 0.999  # of the effective number: a thousand pictures of a class say nearly all there is


def class_counts(targets: Tensor, classes: int) -> Tensor:
    """Give the number of pictures of each class, [C], of class numbers [n]."""
    return torch.bincount(targets, minlength=classes)


def named_counts(parts: Mapping[str, Tensor], labels: Sequence[str]) -> dict[str, dict[str, int]]:
    """Give the number of pictures of each label in each part, of its class numbers [n]."""
    return {
        part: dict(zip(labels, class_counts(targets, len(labels)).tolist(), strict=True))
        for part, targets in parts.items()
    }


def is_imbalanced(counts: Tensor) -> bool:
    """Say whether the largest of the counts [C] is more than IMBALANCE times the smallest."""
    return bool(counts.max() > IMBALANCE * counts.min())


def class_weights(counts: Tensor) -> Tensor:
    """Give each class's weight in the loss, [C]; over the pictures their mean is 1.

    A weight is one by the effective number of pictures, (1 - BETA^n) / (1 - BETA): the inverse
    frequency for small classes, less than that for large ones. Every class needs a picture.
    """
    weights = (1 - BETA) / (1 - BETA ** counts.double())
    return (weights * counts.sum() / (weights * counts).sum()).float()


def balanced_order(targets: Tensor, classes: int, seed: int, epoch: int) -> Tensor:
    """Give the order in which an epoch visits the images, [n], all classes alike.

    The classes' shares differ by one at most, and which ones get more changes with the epoch. Of a
    class every image comes once before one comes again, so small classes are repeated and large
    ones come in part. The order depends on nothing but the arguments, so it can be resumed.
    """
    random = np.random.default_rng([seed, epoch])
    share, more = divmod(len(targets), classes)
    favoured = set(random.permutation(classes)[:more].tolist())
    drawn: list[Tensor] = []
    for number in range(classes):
        members = torch.nonzero(targets == number).flatten()
        count = share + (number in favoured)
        rounds = -(-count // len(members))
        order = np.concatenate([random.permutation(len(members)) for _ in range(rounds)])
        drawn.append(members[torch.from_numpy(order[:count])])
    together = torch.cat(drawn)
    return together[torch.from_numpy(random.permutation(len(together)))]
