"""Questions about two clips or one: sound, picture, synchronisation (paper: the user study; wording ours).

Ratings use the five-point scale of ITU-T P.800 and P.910 (absolute category rating).
"""

from dataclasses import dataclass

RATINGS = (1, 2, 3, 4, 5)
FIRST, NO_PREFERENCE, SECOND = 1, 2, 3
"""Answers to a pair, as the page stores them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One criterion. pair: the question about two clips. rating: the question about one clip."""

    id: str
    name: str
    pair: str
    rating: str


QUESTIONS = {
    question.id: question
    for question in (
        Question(
            id="sound",
            name="Sound quality",
            pair="Which clip sounds better?",
            rating="How good is the sound?",
        ),
        Question(
            id="picture",
            name="Picture quality",
            pair="Which clip looks better?",
            rating="How good is the picture?",
        ),
        Question(
            id="sync",
            name="Synchronisation",
            pair="In which clip do sound and picture fit together better in time?",
            rating="How well do sound and picture fit together in time?",
        ),
    )
}
