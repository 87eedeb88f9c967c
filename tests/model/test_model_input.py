"""Training normalizes as the service does."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from model.model_input import ModelInput
from service.contract import Preprocessing
from service.preprocess import pixel_values


def preprocessing(rescale: float) -> Preprocessing:
    return Preprocessing(
        size=(4, 4), crop=(4, 4), rescale=rescale, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3)
    )


def test_images_become_the_pixel_values_that_the_service_gives():
    levels = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    for rescale in (1 / 255, 1 / 127.5):
        fitted = preprocessing(rescale)
        served = pixel_values(Image.fromarray(levels), fitted)
        batch = torch.from_numpy(levels).permute(2, 0, 1)[None]
        trained = ModelInput(fitted, torch.device("cpu"))(batch)[0]
        np.testing.assert_allclose(trained, served, rtol=0, atol=1e-5)


def test_readouts_pass_as_they_are():
    readouts = torch.randn(2, 8)
    assert torch.equal(ModelInput(preprocessing(1 / 255), torch.device("cpu"))(readouts), readouts)
