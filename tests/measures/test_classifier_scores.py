"""Divergence and inception score: values by hand, and what is no probability."""

import math

import pytest
import torch

from cmmd.measures.classifier_scores import class_divergences, inception_score


def test_divergence_by_hand():
    true, made = torch.tensor([[0.5, 0.5], [1.0, 0.0]]), torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    expected = 0.5 * math.log(2) + 0.5 * math.log(2 / 3)
    assert class_divergences(true, made).tolist() == pytest.approx([expected, 0], abs=1e-9)


def test_inception_score_counts_classes():
    sure = torch.eye(4).repeat(3, 1)
    assert inception_score(sure) == pytest.approx(4, rel=1e-6)
    assert inception_score(torch.full((5, 4), 0.25)) == pytest.approx(1, abs=1e-9)
    assert inception_score(sure[:1].repeat(6, 1)) == pytest.approx(1, abs=1e-9)


def test_scores_that_are_no_probabilities_are_refused():
    with pytest.raises(ValueError, match=r"rows sum to 1\.5 to 1\.5"):
        inception_score(torch.full((2, 3), 0.5))
