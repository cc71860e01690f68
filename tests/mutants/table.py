"""Each break: a line of the code, what it becomes, and the tests that must fail then.

A line is found by its text, which must occur once in its file.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One break."""

    file: str
    line: str
    """The line, or a part of it, as it stands there once."""
    broken: str
    """What stands in its place."""
    tests: str
    """Files of tests, of which one at least must fail; several are separated by spaces."""


LISTED = (
    Mutant(
        "lightning_plates/cli/fit.py",
        "mode=cli.model.monitor_mode",
        'mode="min"',
        "tests/cli/test_train.py",
    ),
    Mutant(
        "lightning_plates/reading/rules/schedules.py",
        "s.valid_from <= day <= s.valid_to",
        "s.valid_from <= day < s.valid_to",
        "tests/reading/test_schedules.py tests/reading/test_restrictions.py",
    ),
    Mutant(
        "lightning_plates/tasks/detection.py",
        'best = candidates[np.argsort(-scores[candidates], kind="stable")][:MAX_CANDIDATES]',
        "best = candidates[:MAX_CANDIDATES]",
        "tests/test_processing.py",
    ),
    Mutant(
        "lightning_plates/models/dense_losses.py",
        "miss = miss * (1 - targets.heat) ** REDUCTION_POWER",
        "miss = miss * 1.0",
        "tests/models/test_dense_losses.py",
    ),
    Mutant(
        "lightning_plates/models/dense_losses.py",
        "torch.where(near, dx**2 + dy**2, torch.inf).min(dim=1).indices",
        "torch.where(near, 0.0, torch.inf).min(dim=1).indices",
        "tests/models/test_dense_losses.py",
    ),
    Mutant(
        "conversion/int8/qdq.py",
        "nodes_to_exclude=[*keep_float, *self._decoding]",
        "nodes_to_exclude=[*keep_float]",
        "tests/conversion/test_converters.py tests/conversion/test_onnxruntime.py",
    ),
    Mutant(
        "lightning_plates/reading/pictures.py",
        "REDACTION_MARGIN = 0.15",
        "REDACTION_MARGIN = 0.0",
        "tests/cli/test_read_outputs.py tests/reading",
    ),
    Mutant(
        "lightning_plates/processing.py",
        "PADDING_GREY = 114",
        "PADDING_GREY = 0",
        "tests/test_processing.py tests/cli/test_check.py tests/reading/test_shipped.py",
    ),
    Mutant(
        "lightning_plates/reading/pipeline.py",
        "found.digit if confidence >= rules.min_confidence else None",
        "found.digit",
        "tests/reading/test_pipeline.py tests/cli/test_read.py",
    ),
    Mutant(
        "lightning_plates/finding/refine.py",
        "share = min(1.0, max(model.spec.width, model.spec.height) / max(width, height))",
        "share = 1.0",
        "tests/reading/test_look.py",
    ),
    Mutant(
        "lightning_plates/finding/refine.py",
        "scale = np.array([width / fitted[0], height / fitted[1]] * 2)",
        "scale = np.array([1.0, 1.0] * 2)",
        "tests/reading/test_look.py",
    ),
)
"""Those that the suite once did not notice."""

GEOMETRY = (
    Mutant(
        "lightning_plates/boxes.py",
        "sides = np.clip(boxes[..., 2:] - boxes[..., :2], 0.0, None)",
        "sides = boxes[..., 2:] - boxes[..., :2]",
        "tests/test_boxes.py",
    ),
    Mutant(
        "lightning_plates/boxes.py",
        "union = box_areas(first) + box_areas(second) - intersection",
        "union = box_areas(first) + box_areas(second)",
        "tests/test_boxes.py",
    ),
    Mutant(
        "lightning_plates/boxes.py", "where=union > 0)", "where=union > 1)", "tests/test_boxes.py"
    ),
    Mutant(
        "lightning_plates/boxes.py",
        "limits = np.array([width, height, width, height]",
        "limits = np.array([height, width, height, width]",
        "tests/test_boxes.py",
    ),
    Mutant(
        "lightning_plates/boxes.py",
        'waiting = np.argsort(-scores, kind="stable")',
        "waiting = np.arange(len(scores))",
        "tests/test_boxes.py",
    ),
    Mutant(
        "lightning_plates/boxes.py",
        "box_iou(boxes[rest], boxes[best]) <= max_iou",
        "box_iou(boxes[rest], boxes[best]) < max_iou",
        "tests/test_boxes.py",
    ),
    Mutant(
        "lightning_plates/placement.py",
        "* scale, self.width, self.height)",
        "* scale, self.height, self.width)",
        "tests/test_processing.py",
    ),
    Mutant(
        "lightning_plates/processing.py",
        'images if spec.colour_order == "RGB" else images[..., ::-1]',
        "images",
        "tests/test_processing.py",
    ),
    Mutant(
        "lightning_plates/processing.py",
        "canvas[: fitted[1], : fitted[0]] = resized",
        "canvas[-fitted[1] :, -fitted[0] :] = resized",
        "tests/test_processing.py",
    ),
    Mutant(
        "lightning_plates/boxes.py",
        "moved: FloatArray = scaled + np.concatenate([shift, shift], axis=-1)",
        "moved: FloatArray = scaled",
        "tests/test_processing.py tests/cli/test_margin.py",
    ),
    Mutant(
        "lightning_plates/tasks/detection.py",
        "candidates = np.flatnonzero(scores >= options.score_threshold)",
        "candidates = np.flatnonzero(scores > options.score_threshold)",
        "tests/test_processing.py",
    ),
    Mutant(
        "lightning_plates/tasks/detection.py",
        "of_class = np.flatnonzero(classes == number)",
        "of_class = np.arange(len(classes))",
        "tests/tasks",
    ),
    Mutant(
        "lightning_plates/placement.py",
        "-left / spec.width, -top / spec.height,",
        "left / spec.width, top / spec.height,",
        "tests/test_processing.py tests/tasks",
    ),
    Mutant(
        "lightning_plates/spec.py",
        "_Positive: TypeAlias = Annotated[float, Meta(ge=1e-6, le=1e6)]",
        "_Positive: TypeAlias = Annotated[float, Meta(ge=0, le=1e6)]",
        "tests/test_spec.py",
    ),
    Mutant(
        "lightning_plates/spec.py",
        "kept = {name: value for name, value in merged.items() if value is not None}",
        "kept = merged",
        "tests/test_spec.py",
    ),
    Mutant(
        "lightning_plates/spec.py",
        "options = {name: value for name, value in given.items() if name in wanted}",
        "options = {}",
        "tests/test_spec.py",
    ),
    Mutant(
        "lightning_plates/spec.py",
        'if given.get("margin", ...) is None:',
        "if False:",
        "tests/test_spec.py",
    ),
    Mutant(
        "lightning_plates/tasks/_boxes.py",
        "_overlap(ours, theirs) if answered else 1.0",
        "_overlap(ours, theirs) if answered else 0.0",
        "tests/test_agreement.py",
    ),
    Mutant(
        "lightning_plates/tasks/_boxes.py",
        "first.class_name != second.class_name:\n        return 0.0",
        "first.class_name != second.class_name:\n        return 1.0",
        "tests/test_agreement.py tests/tasks",
    ),
    Mutant(
        "lightning_plates/tasks/_boxes.py",
        " or first.class_name != second.class_name:",
        ":",
        "tests/test_agreement.py tests/tasks",
    ),
    Mutant(
        "lightning_plates/tasks/_boxes.py",
        "one.confidence >= threshold)",
        "one.confidence > threshold)",
        "tests/test_agreement.py",
    ),
    Mutant(
        "lightning_plates/agreement.py",
        "max_score_difference=max(",
        "max_score_difference=min(",
        "tests/test_agreement.py",
    ),
    Mutant(
        "lightning_plates/drawing.py",
        "corners = (x1, y1, max(x1, x2 - 1), max(y1, y2 - 1))",
        "corners = (x1, y1, max(x1, x2), max(y1, y2))",
        "tests/test_drawing.py",
    ),
    Mutant(
        "lightning_plates/drawing.py",
        "y = mark.box[1] - height if mark.box[1] >= height else mark.box[3]",
        "y = mark.box[1] - height",
        "tests/test_drawing.py",
    ),
    Mutant(
        "lightning_plates/drawing.py",
        "x = max(0.0, min(mark.box[0], pen.im.size[0] - width - 1))",
        "x = mark.box[0]",
        "tests/test_drawing.py",
    ),
)

DATA = (
    Mutant(
        "lightning_plates/data/split.py",
        "groups = {file: first if name in names else name for file, name in groups.items()}",
        "groups = dict(groups)",
        "tests/data/test_split.py",
    ),
    Mutant(
        "lightning_plates/data/split.py",
        'units = {file: file for file in groups} if protocol == "thesis" else groups',
        "units = groups",
        "tests/data/test_split.py",
    ),
    Mutant(
        "lightning_plates/data/split.py",
        "random.Random(seed).shuffle(order)",
        "random.Random(0).shuffle(order)",
        "tests/data/test_split.py",
    ),
    Mutant(
        "lightning_plates/data/split.py",
        "open_sides = empty if len(order) - position <= len(empty) else wanted",
        "open_sides = wanted",
        "tests/data/test_split.py",
    ),
    Mutant(
        "lightning_plates/data/split.py",
        "if len(seen) > 1))",
        "if len(seen) > 2))",
        "tests/data/test_split.py",
    ),
    Mutant(
        "lightning_plates/data/split.py",
        "lacking[side] -= sizes[name]",
        "lacking[side] -= 1",
        "tests/data/test_split.py",
    ),
    Mutant(
        "lightning_plates/data/annotations/record.py",
        'return self.source or _ROBOFLOW_HASH.sub("", PurePosixPath(self.file).stem)',
        "return self.source or PurePosixPath(self.file).stem",
        "tests/data",
    ),
    Mutant(
        "lightning_plates/data/duplicates.py",
        "if len(same_length) > 1:",
        "if len(same_length) > 2:",
        "tests/data/test_duplicates.py",
    ),
    Mutant(
        "lightning_plates/data/duplicates.py",
        "hashlib.sha256(read_bytes(path, photo_limit())).digest()",
        "read_bytes(path, photo_limit())[:1]",
        "tests/data/test_duplicates.py",
    ),
    Mutant(
        "lightning_plates/data/offline_augmentation.py",
        "turned_y = y * math.cos(angle) - x * math.sin(angle)",
        "turned_y = y * math.cos(angle) + x * math.sin(angle)",
        "tests/data/test_offline_augmentation.py",
    ),
    Mutant(
        "lightning_plates/data/offline_augmentation.py",
        "((width - 1) / 2, (height - 1) / 2), angle_deg",
        "(width / 2, height / 2), angle_deg",
        "tests/data/test_offline_augmentation.py",
    ),
    Mutant(
        "lightning_plates/data/offline_augmentation.py",
        "source=photo.group)",
        "source=photo.source)",
        "tests/data/test_offline_augmentation.py tests/cli/data/test_augment.py",
    ),
    Mutant(
        "lightning_plates/data/offline_augmentation.py",
        "if _visible_share(box, *limit) > 0)",
        "if True)",
        "tests/data/test_offline_augmentation.py",
    ),
    Mutant(
        "lightning_plates/data/offline_augmentation.py",
        "share = min((_visible_share",
        "share = max((_visible_share",
        "tests/data/test_offline_augmentation.py",
    ),
    Mutant(
        "lightning_plates/data/offline_augmentation.py",
        "_VALUES - mean) * (1 + percent / 100) + mean",
        "_VALUES - 128) * (1 + percent / 100) + 128",
        "tests/data/test_offline_augmentation.py",
    ),
    Mutant(
        "lightning_plates/data/offline_augmentation.py",
        "if luminance > limits.brightest:",
        "if luminance > 255:",
        "tests/data/test_offline_augmentation.py",
    ),
    Mutant(
        "lightning_plates/data/offline_augmentation.py",
        "outline = box.corners or (",
        "outline = (",
        "tests/data/test_offline_augmentation.py",
    ),
    Mutant(
        "lightning_plates/data/augmentation_run.py",
        'status = "set aside" if reason else "kept" if record.file in kept else "not drawn"',
        'status = "set aside" if reason else "kept"',
        "tests/cli/data/test_augment.py",
    ),
    Mutant(
        "lightning_plates/data/augmentation_run.py",
        "itertools.chain([name], numbered) if one.lower() not in taken)",
        "itertools.chain([name], numbered))",
        "tests/data/test_offline_augmentation.py",
    ),
    Mutant(
        "lightning_plates/data/synthetic/generate.py",
        "rng = np.random.default_rng([options.seed, index])",
        "rng = np.random.default_rng([options.seed, index // 2])",
        "tests/data/synthetic/test_generate.py",
    ),
    Mutant(
        "lightning_plates/data/synthetic/generate.py",
        "low = np.clip(rounded.min(axis=0), 0, (width, height))",
        "low = rounded.min(axis=0)",
        "tests/data/synthetic",
    ),
    Mutant(
        "lightning_plates/data/synthetic/generate.py",
        'if key not in {"count", "version"}',
        'if key not in {"count", "version", "seed"}',
        "tests/data/synthetic/test_generate.py",
    ),
    Mutant(
        "lightning_plates/data/synthetic/generate.py",
        "if photo.file == _file_of(index) and (folder / photo.file).exists():",
        "if photo.file == _file_of(index):",
        "tests/data/synthetic/test_generate.py",
    ),
    Mutant(
        "lightning_plates/drafts.py",
        "draft.chmod(0o666 & ~_umask())",
        "pass",
        "tests/test_drafts.py",
    ),
    Mutant(
        "lightning_plates/drafts.py",
        "undo.callback((earlier / file.name).rename, target)",
        "pass",
        "tests/test_drafts.py",
    ),
)

READING = (
    Mutant(
        "lightning_plates/reading/plate_text.py",
        "choices = {read} if read in allowed else confusable_with(read) & set(allowed)",
        "choices = confusable_with(read) & set(allowed) or {read} & set(allowed)",
        "tests/reading/test_plate_text.py",
    ),
    Mutant(
        "lightning_plates/reading/plate_text.py",
        "mask, plate = fitting[int(np.argmax(likelihoods))]",
        "mask, plate = fitting[0]",
        "tests/reading/test_plate_text.py",
    ),
    Mutant(
        "lightning_plates/reading/plate_text.py",
        "probability += only_letters_after * digits",
        "probability += digits",
        "tests/reading/test_plate_text.py",
    ),
    Mutant(
        "lightning_plates/reading/plate_text.py",
        "return best if best and errors[best] <= slack else 0",
        "return best",
        "tests/reading/test_plate_text.py",
    ),
    Mutant(
        "lightning_plates/reading/plate_text.py",
        "others = np.where(_allowed_columns(plate) & ~mask, belief.table, 0.0)",
        "others = np.zeros_like(belief.table)",
        "tests/reading/test_plate_text.py",
    ),
    Mutant(
        "lightning_plates/reading/video/voting.py",
        "weights[choice] += confidence**2",
        "weights[choice] += 1.0",
        "tests/reading/test_voting.py",
    ),
    Mutant(
        "lightning_plates/reading/video/voting.py",
        "groups[len(read.text), read.series].append(read)",
        "groups[len(read.text), None].append(read)",
        "tests/reading/test_voting.py",
    ),
    Mutant(
        "lightning_plates/reading/video/voting.py",
        "weighted_confidence[winner] / total if total else 0.0",
        "weighted_confidence[winner] / weights[winner] if total else 0.0",
        "tests/reading/test_voting.py",
    ),
    Mutant(
        "lightning_plates/reading/video/voting.py",
        "return read.text == text if text else read.last_digit == digit",
        "return read.last_digit == digit",
        "tests/reading/test_voting.py",
    ),
    Mutant(
        "lightning_plates/reading/video/tracking.py",
        "if _surely_differ(sighting, before):",
        "if False:",
        "tests/reading/test_tracking.py",
    ),
    Mutant(
        "lightning_plates/reading/video/tracking.py",
        "places = (vehicle.estimate, vehicle.last_detection.points)",
        "places = (vehicle.estimate,)",
        "tests/reading/test_tracking.py",
    ),
    Mutant(
        "lightning_plates/reading/video/tracking.py",
        "+ abs(float(np.log(widths[0] / widths[1])))",
        "+ 0.0",
        "tests/reading/test_tracking.py",
    ),
    Mutant(
        "lightning_plates/reading/video/tracking.py",
        "self._in_sight = set()\n        self._tracker = self._new_tracker()\n        return ended",
        "self._in_sight = set()\n        return ended",
        "tests/reading/test_tracking.py",
    ),
    Mutant(
        "lightning_plates/reading/rules/restrictions.py",
        "inside = schedule.start <= local.time() < schedule.end",
        "inside = schedule.start <= local.time() <= schedule.end",
        "tests/reading/test_restrictions.py",
    ),
    Mutant(
        "lightning_plates/reading/rules/restrictions.py",
        "return moment.astimezone(calendar.timezone)",
        "return moment.replace(tzinfo=calendar.timezone)",
        "tests/reading/test_restrictions.py",
    ),
    Mutant(
        "lightning_plates/reading/rules/restrictions.py",
        "if plate.vehicle_class in schedule.exempt_classes:",
        "if False:",
        "tests/reading/test_restrictions.py",
    ),
    Mutant(
        "lightning_plates/reading/rules/restrictions.py",
        "if local.date() in schedule.suspended_dates:",
        "if False:",
        "tests/reading/test_restrictions.py",
    ),
    Mutant(
        "lightning_plates/reading/rules/schedules.py",
        "range((last - first).days + 1)",
        "range((last - first).days)",
        "tests/reading/test_schedules.py",
    ),
    Mutant(
        "lightning_plates/reading/calibration.py",
        "self.slope * logit(belief) + self.intercept",
        "self.slope * logit(belief)",
        "tests/reading",
    ),
    Mutant(
        "lightning_plates/reading/crops.py",
        "overlap = round(ROW_OVERLAP * height)",
        "overlap = 0",
        "tests/reading/test_crops.py",
    ),
    Mutant(
        "lightning_plates/reading/crops.py",
        "MARGIN = 0.04\n",
        "MARGIN = 0.0\n",
        "tests/reading/test_crops.py",
    ),
    Mutant(
        "lightning_plates/reading/risk.py",
        "last = np.append(np.diff(sorted_confidences) != 0, True)",
        "last = np.ones(len(order), dtype=bool)",
        "tests/reading/test_risk.py",
    ),
    Mutant(
        "lightning_plates/finding/refine.py",
        "CONFIRMED = 0.7",
        "CONFIRMED = 0.0",
        "tests/reading/test_look.py",
    ),
    Mutant(
        "lightning_plates/finding/refine.py",
        "inside_x = plate.box[0] - slack_x <= x <= plate.box[2] + slack_x",
        "inside_x = True",
        "tests/reading/test_look.py",
    ),
)

MEASURING = (
    Mutant(
        "lightning_plates/bench/measure.py",
        "_repeat(work, warm_up_s)\n",
        "\n",
        "tests/bench/test_measure.py",
    ),
    Mutant(
        "lightning_plates/bench/measure.py",
        "np.percentile(wall, (50, 90, 99))",
        "np.percentile(wall, (50, 90, 90))",
        "tests/bench/test_measure.py",
    ),
    Mutant(
        "lightning_plates/bench/measure.py",
        "float(np.mean([span.cpu_ms for span in spans]))",
        "float(np.max([span.cpu_ms for span in spans]))",
        "tests/bench/test_measure.py",
    ),
    Mutant(
        "lightning_plates/bench/finder_accuracy.py",
        "label = photo.boxes[int(ious.argmax())].xyxy",
        "label = photo.boxes[0].xyxy",
        "tests/bench/test_finder_accuracy.py",
    ),
    Mutant(
        "lightning_plates/bench/finder_accuracy.py",
        "if not each.photo.boxes]",
        "]",
        "tests/bench/test_finder_accuracy.py",
    ),
    Mutant(
        "lightning_plates/bench/finder_accuracy.py",
        "share, weight = successes / trials, z * z / trials",
        "share, weight = successes / trials, z / trials",
        "tests/bench/test_finder_accuracy.py",
    ),
    Mutant(
        "lightning_plates/bench/average_precision.py",
        "found = [[*each.plates, *each.weaker] for each in answers]",
        "found = [[*each.plates] for each in answers]",
        "tests/bench/test_average_precision.py",
    ),
    Mutant(
        "lightning_plates/bench/average_precision.py",
        "enumerate(numbered, start=1)",
        "enumerate(numbered, start=0)",
        "tests/bench/test_average_precision.py",
    ),
    Mutant(
        "lightning_plates/bench/average_precision.py",
        "width, height = x2 - x1, y2 - y1",
        "width, height = x2, y2",
        "tests/bench/test_average_precision.py",
    ),
    Mutant(
        "lightning_plates/bench/finder_table.py",
        "[score.box.iou >= CLOSE_IOU for score in scores]",
        "[score.box.iou > CLOSE_IOU for score in scores]",
        "tests/bench tests/cli/test_evaluate_finder.py",
    ),
    Mutant(
        "lightning_plates/golden.py",
        "if type(version) is not int or version not in {1, 2}:",
        "if version not in {1, 2}:",
        "tests/test_golden.py",
    ),
    Mutant(
        "lightning_plates/golden.py",
        "read = _golden_1 if version == 1 else _golden_2",
        "read = _golden_2",
        "tests/test_golden.py",
    ),
    Mutant(
        "lightning_plates/clock.py",
        "times.children_user + times.children_system",
        "0.0",
        "tests/test_clock.py",
    ),
    Mutant(
        "lightning_plates/bench/fit_margin.py",
        "if ious.max() >= MATCH_IOU:",
        "if True:",
        "tests/bench/test_fit_margin.py",
    ),
    Mutant(
        "lightning_plates/bench/fit_margin.py",
        "shifts = np.median(moved / _sides(matched.found), axis=0)",
        "shifts = np.median(moved / _sides(matched.labels), axis=0)",
        "tests/bench/test_fit_margin.py",
    ),
    Mutant(
        "lightning_plates/boxes.py",
        "np.mean(np.asarray(ious) >= limit)",
        "np.mean(np.asarray(ious) > limit)",
        "tests/bench tests/test_boxes.py tests/tasks tests/cli/test_compare.py",
    ),
    Mutant(
        "lightning_plates/bench/accuracy.py",
        "enumerate(rows, start=2)",
        "enumerate(rows, start=1)",
        "tests/bench/test_accuracy.py",
    ),
    Mutant(
        "lightning_plates/bench/contract_check.py",
        "key=lambda pair: (_agrees(pair[0], golden), pair[0].mean_likeness)",
        "key=lambda pair: pair[0].mean_likeness",
        "tests/cli/test_check.py",
    ),
)

MUTANTS = (*LISTED, *GEOMETRY, *DATA, *READING, *MEASURING)
