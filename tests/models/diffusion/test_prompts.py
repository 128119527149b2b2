"""The micro text encoder."""

import torch

from models.diffusion.prompts import HashedWords, drop_texts
from models.recipe import StepRandom

WORDS = HashedWords(64, 5)


def test_same_words_same_tokens_whatever_the_spelling() -> None:
    first, second = WORDS(["A red-cup!"]), WORDS(["a RED cup"])
    assert torch.equal(first.tokens, second.tokens) and torch.equal(first.mask, second.mask)
    assert first.mask.tolist() == [[True, True, True, False, False]]
    assert not first.tokens[~first.mask].any()


def test_tokens_are_fixed_for_all_time() -> None:
    # Saved models depend on them: numpy's default_rng seeded by sha256 of the word.
    torch.testing.assert_close(WORDS(["cup"]).tokens[0, 0, :3], torch.tensor([-1.036509, -1.547613, -0.946966]), atol=1e-6, rtol=0)


def test_words_have_unit_variance_and_differ() -> None:
    tokens = HashedWords(4096, 5)(["red cup on a table"]).tokens[0]
    assert (tokens.var(dim=1) - 1).abs().max() < 0.1
    similarity = torch.corrcoef(tokens) - torch.eye(5)
    assert similarity.abs().max() < 0.1 + 0.5  # a word before is seen, at less than its own weight


def test_order_matters() -> None:
    first, second = WORDS(["red cup blue"]).tokens[0], WORDS(["blue cup red"]).tokens[0]
    assert not torch.allclose(first[1], second[1])


def test_null_prompt_is_one_token_and_long_texts_are_cut() -> None:
    null = WORDS([""])
    assert null.mask.sum() == 1 and null.tokens[0, 0].any()
    assert WORDS(["one two three four five six seven"]).mask.all()


def test_dropping_follows_the_share() -> None:
    rng = StepRandom(0, 0)
    dropped = drop_texts(["a"] * 3000, 0.1, range(3000), rng).count("")
    assert abs(dropped - 300) < 5 * (3000 * 0.09) ** 0.5
    assert drop_texts(["a", "b"], 0.0, range(2), rng) == ["a", "b"]
    assert drop_texts(["a", "b"], 1.0, range(2), rng) == ["", ""]
