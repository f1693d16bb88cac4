import numpy as np

from sept_jax.scoring.agreement import check_agreement


def agreement(values, answers, count):
    arrays = [np.asarray(x, np.int32) for x in (values, answers, count)]
    verdict, known = check_agreement(*arrays)
    assert verdict.dtype == np.float32
    assert known.dtype == bool
    return verdict, known


def test_hand_worked_group():
    # Four paths; values 0..4, answers 7 and 8.
    values = [[[0, 1, 7], [1, 7, -1], [2, 8, -1], [0, -1, -1]]]
    answers, count = [[7, 7, 8, -1]], [[3, 2, 2, 2]]
    verdict, known = agreement(values, answers, count)
    third = 1 / 3
    expected = [
        # 0: in one of three others (path 3); 1: in one (path 1); answer 7: one of three others
        [2 * third - 1, 2 * third - 1, 2 * third - 1],
        # 1: in path 0 alone; answer 7
        [2 * third - 1, 2 * third - 1, 0],
        [-1, -1, 0],
        # 0: in path 0; the last step of a path without an answer is judged by its value, and has none
        [2 * third - 1, 0, 0],
    ]
    np.testing.assert_allclose(verdict[0], expected, atol=1e-6)
    np.testing.assert_array_equal(known[0], [[1, 1, 1], [1, 1, 0], [1, 1, 0], [1, 0, 0]])


def test_a_path_does_not_vote_for_itself():
    # The only path with value 5 says it twice: none of the others does.
    verdict, _ = agreement([[[5, 5], [6, 6]]], [[-1, -1]], [[2, 2]])
    np.testing.assert_array_equal(verdict, -1.0)
    verdict, _ = agreement([[[5, 5], [6, 5]]], [[-1, -1]], [[2, 2]])
    np.testing.assert_array_equal(verdict, [[[1, 1], [-1, 1]]])


def test_the_last_step_is_judged_by_the_answer():
    # Its value 3 is in both paths, its answer is not.
    verdict, known = agreement([[[1, 3], [3, 2]]], [[3, 2]], [[2, 2]])
    np.testing.assert_array_equal(verdict, [[[-1, -1], [1, -1]]])
    assert known.all()
    # An answer that is no number has no value, and is known all the same.
    verdict, known = agreement([[[1, -1], [1, -1]]], [[4, 4]], [[2, 2]])
    np.testing.assert_array_equal(verdict, [[[1, 1], [1, 1]]])
    assert known.all()


def test_unknown_where_there_is_no_peer_no_step_or_no_value():
    verdict, known = agreement([[[0, 1]]], [[1]], [[2]])
    assert not verdict.any()
    assert not known.any()
    verdict, known = agreement([[[-1, -1], [0, -1]]], [[-1, -1]], [[0, 2]])
    np.testing.assert_array_equal(known, [[[0, 0], [1, 0]]])
    np.testing.assert_array_equal(verdict, [[[0, 0], [-1, 0]]])


def test_groups_do_not_mix():
    values = [[[0, 1], [0, 1]], [[0, 2], [3, 4]]]
    together = agreement(values, [[1, 1], [2, 4]], [[2, 2], [2, 2]])
    for b in range(2):
        alone = agreement(values[b : b + 1], [[[1, 1], [2, 4]][b]], [[2, 2]])
        for both, one in zip(together, alone, strict=True):
            np.testing.assert_array_equal(both[b], one[0])
