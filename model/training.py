"""The training loop: from images and a configuration to a run folder with a checkpoint.

All random numbers of a step are drawn for the whole batch from (seed, step), and the order of an
epoch from (seed, epoch). So the position alone says how to go on: a resumed run gives the weights
that an uninterrupted one gives, and the number of processes does not change what is learnt.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import nullcontext

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor

from model.augment import Augmentation
from model.best_epoch import BestEpoch
from model.checkpoint import is_recorded, save_checkpoint
from model.class_balance import (
    balanced_order,
    class_counts,
    class_weights,
    is_imbalanced,
    named_counts,
)
from model.draws import Draws, step_seed
from model.history import add_row
from model.images import (
    Batch,
    DecodedImages,
    TrainingImages,
    epoch_order,
)
from model.initial_model import InitialWeights
from model.learner import Learner
from model.model_input import ModelInput
from model.position import RANDOM_NUMBERS, Position, check_resumable, load_state, save_state
from model.probe import readouts
from model.processes import check_shares
from model.provenance import provenance
from model.reporter import Reporter
from model.share import Share
from model.teacher import read_teacher
from model.training_config import TrainingConfig
from model.validation import Validation, validate

logger = logging.getLogger(__name__)

REPORT_STEPS = 20


class Training:
    """One training in progress; `position` and `learner` always stand at the same step."""

    def __init__(
        self,
        config: TrainingConfig,
        accelerator: Accelerator,
        images: TrainingImages,
        initial: InitialWeights | None = None,
    ) -> None:
        self.config = config
        self.accelerator = accelerator
        self.device = accelerator.device
        self.share = Share(accelerator.process_index, accelerator.num_processes)
        self.images = images
        self.model_input = ModelInput(images.preprocessing, self.device)
        held = images.train
        self.train_images = held.to(self.device) if isinstance(held, DecodedImages) else held
        self.validation_images = images.validation
        classes = len(images.labels)
        counts = class_counts(held.targets, classes)
        self.imbalanced = is_imbalanced(counts)
        self.augmentation = Augmentation(
            flip=config.flip,
            shift=config.shift,
            policy=config.policy,
            erasing=config.erasing,
            mixup=config.mixup,
            cutmix=config.cutmix,
        )
        balanced = config.class_balance == "weights"
        weights = class_weights(counts).to(self.device) if balanced else None
        self.learner = Learner(config, classes, accelerator, initial, weights)
        self.best = BestEpoch()
        self.teacher = read_teacher(
            config, images.labels, images.preprocessing, self.device, accelerator.autocast
        )
        self.position = Position(
            config.model_dump(mode="json"),
            list(images.labels),
            len(images.train),
            random_numbers=RANDOM_NUMBERS,
            teacher=self.teacher.description if self.teacher else None,
        )
        if initial is not None:
            self.position.tuned_from = initial.tuned_from.model_dump()
        if self.imbalanced:
            parts = {"train": images.train.targets, "validation": images.validation.targets}
            self.position.class_counts = named_counts(parts, images.labels)
        self.batch_size = min(config.batch_size, len(images.train))
        check_shares(self.batch_size, self.share.processes, self.augmentation.mixes)
        self.steps_per_epoch = len(images.train) // self.batch_size
        self.loss_sum = torch.zeros((), device=self.device)  # since the last report
        self.accuracy_sum = torch.zeros((), device=self.device)
        self.unreported_steps, self.reported = 0, time.perf_counter()

    def resume(self) -> None:
        """Go to where the run folder's training stands, if there is one and it is this one."""
        state = load_state(self.config.run)
        if state is None:
            return
        tensors, saved = state
        check_resumable(self.config.run, saved, self.position)
        self.position = saved
        self.best.restore(saved.best, tensors)
        self.learner.restore(tensors)
        if saved.scaler is not None:
            self.accelerator.scaler.load_state_dict(saved.scaler)
        recorded = is_recorded(self.config.run, saved.images_seen)
        if self.accelerator.is_main_process and not recorded:  # killed between state and record
            self.save_checkpoint()

    def run(self) -> None:
        """Train to the end, leaving a checkpoint every `checkpoint_steps` and at the end."""
        position = self.position
        if self.config.probes and not position.done:
            self.compute_readouts()
        with self.reporter() as reporter:
            began = time.perf_counter() - position.wall_seconds
            batches = self.batches()
            progress = self.progress()
            while not position.done:
                self.step(*next(batches), progress)
                position.wall_seconds = time.perf_counter() - began
                progress = self.progress()
                position.done = progress >= 1
                saves = position.step % self.config.checkpoint_steps == 0 or position.done
                ends_epoch = position.step % self.steps_per_epoch == 0 or position.done
                if position.step % REPORT_STEPS == 0 or saves or ends_epoch:
                    self.report(reporter, progress)
                if ends_epoch:
                    measured = self.validation()
                    position.wall_seconds = time.perf_counter() - began
                    self.end_epoch(reporter, measured)
                if (saves or position.done) and self.accelerator.is_main_process:
                    self.save()

    def reporter(self) -> Reporter | nullcontext[None]:
        if not self.accelerator.is_main_process:
            return nullcontext()
        return Reporter(self.config.run, self.position.step)

    def batches(self) -> Iterator[Batch]:
        """Give this process's share of every batch from the position on, epoch after epoch."""
        return self.train_images.batches(self.shares())

    def shares(self) -> Iterator[Tensor]:
        """Give the numbers of the images in this process's share of every batch, without end."""
        epoch, index = divmod(self.position.step, self.steps_per_epoch)
        while True:
            order = self.order(epoch)
            whole = torch.split(order[: self.steps_per_epoch * self.batch_size], self.batch_size)
            yield from (self.share.of(batch) for batch in whole[index:])
            epoch, index = epoch + 1, 0

    def order(self, epoch: int) -> Tensor:
        """Give the order in which an epoch visits the images."""
        seed, images = self.config.seed, self.train_images
        if self.config.class_balance == "sampling":
            return balanced_order(images.targets, len(self.position.labels), seed, epoch)
        return epoch_order(seed, epoch, len(images))

    def progress(self) -> float:
        """Give the share of the training that is behind: of its time, or else of its steps."""
        if self.config.budget_minutes is None:
            return self.position.step / (self.steps_per_epoch * self.config.epochs)
        share = self.position.wall_seconds / (60 * self.config.budget_minutes)
        if self.accelerator.num_processes == 1:
            return share
        shares = torch.tensor([share], dtype=torch.float64, device=self.device)
        return float(broadcast(shares).item())  # all processes go by the first one's clock

    def step(self, images: Tensor, targets: Tensor, progress: float) -> None:
        """Learn from this process's share: images uint8 [b, 3, S, S], class numbers [b]."""
        position = self.position
        inputs, mixed = self.augmented(images.to(self.device), targets.to(self.device))
        taught = self.teacher.logits(inputs) if self.teacher else None
        torch.manual_seed(step_seed(self.config.seed, position.step))  # what the model draws from
        loss, accuracy = self.learner.step(inputs, mixed, progress, position.step + 1, taught)
        position.step += 1
        position.images_seen += self.batch_size
        self.loss_sum += loss
        self.accuracy_sum += accuracy
        self.unreported_steps += 1

    def augmented(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Give what the model learns from in this step: inputs [b, 3, S, S] and their targets.

        Targets are class numbers [b], or probabilities [b, C] where images are mixed. The readouts
        of a linear probe stay as they are.
        """
        if self.config.probes:
            return images, targets
        draws = Draws(self.config.seed, self.position.step, self.batch_size, self.share)
        inputs = self.model_input.normalized(self.augmentation.change(images, draws))
        return self.augmentation.mix(inputs, targets, len(self.position.labels), draws)

    def compute_readouts(self) -> None:
        """Replace both parts' images by what the frozen backbone gives the head for them."""
        model = self.learner.model
        self.train_images = readouts(model, self.train_images, self.model_input)
        self.validation_images = readouts(model, self.validation_images, self.model_input)

    def report(self, reporter: Reporter | None, progress: float) -> None:
        """Move the sums to the position, and show the means since the last report."""
        position, steps = self.position, self.unreported_steps
        loss, accuracy = float(self.loss_sum), float(self.accuracy_sum)
        position.loss_sum += loss
        position.loss_steps += steps
        seconds = time.perf_counter() - self.reported
        if reporter is not None:
            reporter.steps(
                position.step,
                progress,
                loss=loss / steps,
                accuracy=accuracy / steps,
                images_per_second=steps * self.batch_size / seconds,
                seconds_left=position.wall_seconds * max(0.0, 1 / progress - 1),
            )
        self.loss_sum.zero_()
        self.accuracy_sum.zero_()
        self.unreported_steps, self.reported = 0, time.perf_counter()

    def end_epoch(self, reporter: Reporter | None, measured: Validation) -> None:
        """Write the epoch's row, keep it if it is the best, and stop where patience is over."""
        position, best = self.position, self.best
        epoch = round(position.step / self.steps_per_epoch, 2)
        measures = {"validation_accuracy": measured.accuracy, "validation_loss": measured.loss}
        if self.imbalanced:
            measures |= measured.by_class(position.labels)
        add_row(position, epoch, measures, self.learner.learning_rate, self.batch_size)
        by_size = self.config.class_balance == "none"
        measure = "validation_accuracy" if by_size else "balanced_accuracy"
        best.offer({"epoch": epoch, **measured.record()}, measure, self.learner.average.weights)
        position.best = best.record
        position.done |= best.is_over(epoch, self.config.patience)
        if reporter is not None:
            reporter.epoch(position.step, position.history)

    def validation(self) -> Validation:
        """Measure the averaged model on the validation part, to which all processes contribute."""
        return validate(
            self.learner.load_average(),
            self.validation_images,
            self.model_input,
            len(self.position.labels),
            self.accelerator,
            self.share,
        )

    def save(self) -> None:
        position = self.position
        if self.accelerator.scaler is not None:
            position.scaler = self.accelerator.scaler.state_dict()
        save_state(self.config.run, self.learner.tensors() | self.best.tensors(), position)
        self.save_checkpoint()

    def save_checkpoint(self) -> None:
        """Write the best epoch's weights, or before the first epoch's end the average so far."""
        position = self.position
        save_checkpoint(
            self.config.run,
            self.best.weights or self.learner.average.weights,
            self.learner.shape,
            tuple(position.labels),
            self.images.preprocessing.model_dump(mode="json"),
            provenance(position, epochs=position.step / self.steps_per_epoch),
        )
