"""The scenes and the dense detector: geometry against brute force, average precision by hand, training by seed."""

import pytest
import torch

from lossutils.learn import scenes


def some_boxes(n, seed):
    corner = torch.rand(n, 2, generator=torch.Generator().manual_seed(seed)) * 120
    size = torch.rand(n, 2, generator=torch.Generator().manual_seed(seed + 1)) * 30 + 2
    return torch.cat([corner, corner + size], 1)


@pytest.fixture(scope="module")
def few():
    return scenes.draw(6, torch.Generator().manual_seed(3))


def test_scenes_are_drawn_by_seed_with_boxes_tight_around_whole_digits(few):
    """Protects the data: same seed, same scenes; one to three digits that do not overlap, all inside."""
    again = scenes.draw(6, torch.Generator().manual_seed(3))
    assert torch.equal(few.images, again.images) and few.images.shape == (6, 1, 160, 160)
    assert 0 <= few.images.min() and few.images.max() <= 1
    for boxes, digits in zip(few.boxes, few.digits, strict=True):
        assert 1 <= len(boxes) == len(digits) <= 3 and digits.dtype == torch.int64
        assert boxes.min() >= 2 and boxes.max() <= 158
        shared = scenes.overlap(boxes, boxes)
        assert torch.equal(shared, torch.eye(len(boxes)))


def test_training_and_test_hold_different_digits():
    """Protects the held-out set: no digit of MNIST serves both."""
    pictures, _ = scenes._digits()
    first, last = pictures[:4000].flatten(1), pictures[4000:].flatten(1)
    assert len({row.numpy().tobytes() for row in first} & {row.numpy().tobytes() for row in last}) == 0


def test_the_anchors_are_those_of_the_documentation():
    """14,400 boxes: nine shapes, the shape fastest, around the centres of a grid of step 4."""
    anchors = scenes.anchors().view(40, 40, 9, 4)
    centre, size = scenes._centre_size(anchors)
    assert torch.allclose(centre[3, 5], torch.tensor([22.0, 14.0]).expand(9, 2), atol=1e-4)
    shapes = [(a * h, h) for h in scenes.HEIGHTS for a in scenes.ASPECTS]
    assert torch.allclose(size[7, 7], torch.tensor(shapes), atol=1e-4)


def test_overlap_by_counting_pixels():
    """Protects intersection over union, against boxes drawn as masks."""
    one, other = some_boxes(5, 0).round(), some_boxes(7, 9).round()

    def mask(box):
        x1, y1, x2, y2 = (int(v) for v in box)
        drawn = torch.zeros(160, 160, dtype=torch.bool)
        drawn[y1:y2, x1:x2] = True
        return drawn

    found = scenes.overlap(one, other)
    for i, a in enumerate(map(mask, one)):
        for j, b in enumerate(map(mask, other)):
            assert found[i, j].item() == pytest.approx(((a & b).sum() / (a | b).sum()).item(), abs=1e-6)


def test_labels_follow_the_overlap_and_leave_no_digit_out(few):
    anchors = scenes.anchors()
    for boxes in few.boxes:
        label, which = scenes.labels(anchors, boxes)
        shared = scenes.overlap(anchors, boxes)
        best = shared.max(1).values
        forced = torch.zeros(len(anchors), dtype=torch.bool)
        forced[shared.argmax(0)] = True
        assert set(which[label == 1].tolist()) == set(range(len(boxes)))
        assert torch.equal(label[~forced] == 1, best[~forced] >= 0.5)
        assert torch.equal(label[~forced] == 0, best[~forced] < 0.4)
        assert (label[forced] == 1).all()


def test_offsets_lead_back_to_the_boxes():
    anchors, boxes = some_boxes(20, 1), some_boxes(20, 5)
    assert torch.allclose(scenes.decode(anchors, scenes.encode(anchors, boxes)), boxes, atol=1e-3)


def test_suppression_keeps_the_best_of_each_heap():
    boxes = torch.tensor([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60], [0, 0, 10, 9], [100, 0, 110, 10]]).float()
    scores = torch.tensor([0.5, 0.9, 0.3, 0.8, -1.0])
    assert scenes.suppress(boxes, scores).tolist() == [1, 2, 4]
    assert scenes.suppress(boxes, scores, keep=2).tolist() == [1, 2]


def test_average_precision_by_hand():
    """Scores .9 right, .8 wrong, .7 right, of 3 true boxes: precision 1 up to recall 1/3, then 2/3 up to 2/3."""
    true = [torch.tensor([[0.0, 0, 10, 10], [50, 50, 60, 60]]), torch.tensor([[20.0, 20, 30, 30]])]
    found = [
        (torch.tensor([[0.0, 0, 10, 10], [80, 80, 90, 90]]), torch.tensor([0.9, 0.8])),
        (torch.tensor([[20.0, 20, 30, 29]]), torch.tensor([0.7])),
    ]
    assert scenes.average_precision(found, true) == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 3)
    twice = [(torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10]]), torch.tensor([0.9, 0.8])), found[1]]
    assert scenes.average_precision(twice, true) == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 3)  # the second is a mistake
    every = [(boxes, torch.ones(len(boxes))) for boxes in true]
    assert scenes.average_precision(every, true) == pytest.approx(1.0)


def test_a_detector_starts_at_its_prior_and_is_trained_by_seed(few):
    """Protects the start that focal loss asks for, and that a run can be repeated."""

    def loss(x, y):
        return torch.nn.functional.binary_cross_entropy_with_logits(x, y)

    logits, offsets = scenes.Detector(prior=0.02)(few.images[:2])
    assert logits.shape == (2, 14_400) and offsets.shape == (2, 14_400, 4)
    assert logits.sigmoid().mean().item() == pytest.approx(0.02, rel=0.1)
    steps = []
    runs = [scenes.train(loss, few, 1, steps=2, watch=lambda step, x, y: steps.append(step)) for _ in range(2)]
    assert steps == [0, 1, 0, 1]
    states = [run.state_dict() for run in runs]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    [(boxes, scores)] = scenes.detect(runs[0], few.images[:1])
    assert 1 <= len(boxes) == len(scores) <= 20
