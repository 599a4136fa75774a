"""Charts and sentences of the summary say what the table says."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cellapp.explanation.channel_places import channel_places
from cellapp.explanation.compartments import compartment_shares, compartment_table
from cellapp.types.cells import Explanations
from cellapp.ui.explain.summary_charts import (
    area_shares,
    channel_figure,
    channel_place_figure,
    compartment_figure,
    compartments_of,
    effect_columns,
    energy_figure,
    for_shares,
    share_figure,
    summary_sentences,
)

CLASSES = ("cancer", "normal")


def table_of(n, *, channels=("actin", "<b>nucleus"), seed=0):
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(n, 6, 6)).astype(np.float32)
    maps[:, 2:4, 2:4] += 2
    found = Explanations(maps, np.ones(n, np.float32), maps.sum((1, 2)) + 1, np.arange(n), "cancer", "attribution")
    table = compartment_table(found, [np.ones((24, 24), bool)] * n, [None] * n)
    effects = {f"effect_{name}": rng.normal(size=n) * (k + 1) ** 3 for k, name in enumerate(channels)}
    outcome = np.array(["cancer", "normal", "unsure"], dtype=object)[np.arange(n) % 3]
    table = table.assign(**effects, outcome=outcome, area=np.linspace(50, 400, n))
    without = {name: replace(found, maps=found.maps * (k + 1) / 9) for k, name in enumerate(channels)}
    shares = [compartment_shares(np.ones((24, 24), bool), None, (6, 6))] * n
    return table.join(channel_places(found, without, shares))


@pytest.mark.parametrize("n", [0, 1, 2, 30])
def test_any_number_of_cells_can_be_drawn(n):
    table = table_of(n)
    drawn = [
        compartment_figure(table, CLASSES, "cancer"),
        channel_figure(table, CLASSES, "cancer"),
        share_figure(table, "cancer"),
        energy_figure(table, CLASSES, "µm²"),
        channel_place_figure(table) if n else channel_figure(table, CLASSES, "cancer"),
    ]
    assert all(figure.layout.title.text for figure in drawn)
    summary_sentences(table, "cancer")


def test_bars_are_means_of_each_call():
    table = table_of(30)
    bars = {bar.name: dict(zip(bar.x, bar.y, strict=True)) for bar in compartment_figure(table, CLASSES, "cancer").data}
    assert list(bars) == ["cancer (10)", "normal (10)", "unsure (10)"]
    assert bars["normal (10)"]["Edge"] == pytest.approx(table[table["outcome"] == "normal"]["sum_edge"].mean())
    assert set(bars["normal (10)"]) == {"Inside", "Edge"}


def test_shares_are_of_the_whole():
    table = table_of(12)
    assert sum(for_shares(table).values()) == pytest.approx(1)
    assert sum(area_shares(table).values()) == pytest.approx(1)
    silent = table.assign(**{name: 0.0 for name in table if name.startswith("for_")})
    assert set(for_shares(silent).values()) == {0.0}
    assert compartments_of(table) == ["cell", "edge"]


def test_channels_by_place_are_mean_shares_of_the_whole():
    (drawn,) = channel_place_figure(table_of(8)).data
    assert (list(drawn.x), list(drawn.y)) == (["Inside", "Edge"], ["actin", "&lt;b&gt;nucleus"])
    assert np.sum(drawn.z) == pytest.approx(100)
    assert channel_place_figure(table_of(8, channels=())) is None
    earlier = table_of(8).drop(columns=["share_cell_actin"])
    assert channel_place_figure(earlier) is None


def test_names_of_channels_are_no_html_and_one_channel_has_no_effects():
    figure = channel_figure(table_of(9), CLASSES, "cancer")
    assert "&lt;b&gt;nucleus" in figure.data[0].x
    assert effect_columns(table_of(9, channels=())) == {}
    assert "channel" not in summary_sentences(table_of(9, channels=()), "cancer")


def test_words_name_the_place_and_the_channel_that_count_most():
    words = summary_sentences(table_of(30), "cancer")
    assert "Without the channel <b>nucleus the logit moves most" in words
    assert "% lies" in words
    loud = table_of(30)
    assert "stronger in large cells" in summary_sentences(loud.assign(energy=loud["area"] ** 2), "cancer")
    assert "stronger in small cells" in summary_sentences(loud.assign(energy=-loud["area"]), "cancer")
    assert isinstance(loud, pd.DataFrame)


def test_cells_unlike_the_training_cells_are_drawn_too():
    table = table_of(12).assign(outcome="unlike training")
    for figure in (compartment_figure(table, CLASSES, "cancer"), energy_figure(table, CLASSES, "px²")):
        assert [trace.name for trace in figure.data] == ["unlike training (12)"]
