"""Sentences on the Explain page say what was measured and nothing more."""

from scipy.special import expit

from cellapp.ui.explain.sentences import channels_sentence


def test_without_a_channel_the_probability_is_that_of_the_logit_left():
    words = channels_sentence({"nucleus": 3.0, "actin": -1.0}, 2.0, "cancer", n_classes=2)
    assert f"p(cancer) would be {expit(-1.0):.2f} without nucleus, {expit(3.0):.2f} without actin." in words


def test_with_three_classes_a_logit_is_no_probability():
    words = channels_sentence({"nucleus": 3.0}, 2.0, "cancer", n_classes=3)
    assert "logit of cancer would be \N{MINUS SIGN}1.00 without nucleus" in words
