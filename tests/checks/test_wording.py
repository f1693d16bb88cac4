from sept_jax.checks.wording import CACHED_CHARS, heads, words


def test_words_are_runs_of_letters_in_lower_case():
    assert words("It isn't 12kg: Half-price, x_1²é!") == [
        b"it", b"isn", b"t", b"kg", b"half", b"price", b"x",
    ]  # fmt: skip


def test_a_vocabulary_wakes_at_whole_words_only():
    vocabulary = heads("prime even")
    assert vocabulary.isdisjoint(words("primes evenly"))
    assert vocabulary.intersection(words("An even Prime")) == {b"even", b"prime"}


def test_long_texts_are_cut_too():
    assert words("a " * CACHED_CHARS) == [b"a"] * CACHED_CHARS
