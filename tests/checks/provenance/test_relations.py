from sept_jax.checks.provenance.relations import MAX_CHARS, check_relations

PROBLEM = "A $40 radiator is 80% off. It takes 3 hours at $50 an hour to install it. What does Mark pay?"


def test_one_verdict_a_step():
    steps = [
        "The discount is $8.",
        "So the total is 3 * 50 + 8 = 158.",
        "But the problem does not say that.",
        "Let's recheck.",
    ]
    verdicts = check_relations(PROBLEM, steps)
    assert [v.value for v in verdicts] == [-0.5, 0, -1, -0.5]
    assert [v.reason for v in verdicts] == [
        "8 is what remains after 80% off, not the discount",
        "",
        'says "problem does not say", but a problem that is posed can be solved',
        """says "Let's recheck\"""",
    ]


def test_long_texts_are_not_read():
    assert not check_relations(PROBLEM, ["The discount is $8." + " " * MAX_CHARS])[0].known
    assert not check_relations(PROBLEM + " " * MAX_CHARS, ["The discount is $8."])[0].known


def test_no_steps():
    assert check_relations(PROBLEM, []) == []
