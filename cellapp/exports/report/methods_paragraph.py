"""The paragraph "Methods" of a report, written from the settings and versions of the run, with its references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cellapp.explanation.methods import method_text
from cellapp.exports.report.counts import ReportImage
from cellapp.exports.report.words import counted, listed
from cellapp.models.citations import OF_METHOD, OF_STEP, Bibliography, of_model
from cellapp.models.registry import network_output
from cellapp.settings import IMPORTED, AnalyseSettings, CropMode, ExplainSettings, SegmentSettings

_CUT = {
    CropMode.MASKED: "cut to its bounding box with everything else set to zero",
    CropMode.PADDED: "set on a square of zeros at its own scale",
    CropMode.LETTERBOXED: "scaled to a square of {px} pixels with everything else set to zero",
    CropMode.WINDOW: "cut with its surroundings as a square of {px} pixels",
}


def methods_paragraph(
    images: Sequence[ReportImage],
    *,
    explained: ExplainSettings | None = None,
    corrected: bool = False,
    measured: bool = False,
) -> tuple[str, list[str]]:
    """Write how the numbers of a run were made.

    Parameters
    ----------
    images : sequence of ReportImage
        At least one; settings and versions are those of the first, sizes those of all.
    explained : ExplainSettings, optional
        How the maps of the report were made; without it, it shows none.
    corrected : bool
        Whether it shows shares that are corrected for the errors of the head.
    measured : bool
        Whether it has findings.

    Returns
    -------
    str
        Sentences with numbers of references in brackets.
    list of str
        The references, in order of their numbers.
    """
    run, cited = images[0].run, Bibliography()
    settings = AnalyseSettings.model_validate(run["settings"])
    parts = [*_images(images, run, cited), *_preprocess(settings, cited), *_segment(settings, run, cited)]
    parts += [*_quality(settings), *_classify(settings, run, cited)]
    if run.get("head"):
        parts.append(f"Shares are given with Wilson's 95 % interval{cited.cite(OF_STEP['shares'])}.")
    if corrected:
        parts.append(
            "Fractions corrected for the errors of the classifier were found from its held-out calls by expectation "
            f"maximisation{cited.cite(OF_STEP['fractions'])}."
        )
    if explained is not None:
        parts += _explain(explained, cited)
    if measured:
        parts.append(_findings(cited))
    return " ".join(parts), cited.references


def _images(images: Sequence[ReportImage], run: Mapping[str, Any], cited: Bibliography) -> Iterator[str]:
    sizes = sorted({image.um_per_px for image in images if image.um_per_px})
    scale = f", {listed([f'{size:.4g}' for size in sizes])} µm per pixel" if sizes else ", of unknown pixel size"
    channels = list(dict.fromkeys(image.channels for image in images))
    shown = f" with the channels {channels[0]}" if len(channels) == 1 else ""
    yield (
        f"{counted(len(images), 'image')}{scale}{shown}, {'was' if len(images) == 1 else 'were'} analysed with cellapp "
        f"{run.get('cellapp', 'of an unknown version')}{cited.cite(OF_STEP['program'])}."
    )


def _preprocess(settings: AnalyseSettings, cited: Bibliography) -> Iterator[str]:
    chain, steps = settings.preprocess, []
    if chain.clip:
        steps.append(f"clipped to the {chain.clip_low:g} and {chain.clip_high:g} percentiles of the image")
    if chain.normalise:
        steps.append("scaled to the range 0 to 1")
    if chain.clahe:
        steps.append(f"equalised by CLAHE (clip limit {chain.clahe_clip:g}){cited.cite(OF_STEP['clahe'])}")
    if chain.denoise:
        steps.append(f"denoised by total variation (weight {chain.denoise_weight:g}){cited.cite(OF_STEP['denoise'])}")
    if steps and settings.segment.segmenter != IMPORTED:
        yield f"For segmentation each channel was {listed(steps)}; all measurements were taken on raw pixels."


def _segment(settings: AnalyseSettings, run: Mapping[str, Any], cited: Bibliography) -> Iterator[str]:
    chosen, version = settings.segment, run.get("segmenter") or run.get("labels_by")
    if chosen.segmenter == IMPORTED:
        yield f"Cells are those of label files that were brought in ({version or IMPORTED}); nothing was segmented."
        return
    exact = f" ({version})" if version and version != chosen.segmenter else ""
    start = f"Cells were segmented with {chosen.segmenter}{exact}{cited.cite(of_model(chosen.segmenter))}"
    size = "estimated from each image" if chosen.diameter is None else f"{chosen.diameter:g} {chosen.diameter_unit}"
    yield f"{start} (diameter {size}, {_decision(chosen)}at least {chosen.min_size_px} pixels)."


def _decision(chosen: SegmentSettings) -> str:
    """Return by which settings pixels become cells, with a comma; empty for a method that has none of its own."""
    if chosen.segmenter == "classical":
        return f"method {chosen.method}, "
    logit = f"{chosen.cellprob_threshold:g}"
    by_output = {
        "flows": f"flow threshold {chosen.flow_threshold:g}, cell probability threshold {logit}, ",
        "foreground": f"foreground above a logit of {logit}, divided by watershed, ",
    }
    return by_output.get(network_output(chosen.segmenter), "")


def _quality(settings: AnalyseSettings) -> Iterator[str]:
    rules, chosen = [], settings.quality
    if chosen.border:
        rules.append("cells that touch the edge of the image")
    if chosen.debris:
        rules.append(f"objects smaller than {100 * chosen.debris_area_ratio:.3g} % of the median cell of their image")
    if chosen.blur:
        rules.append(f"cells less sharp than {100 * chosen.blur_ratio:.3g} % of the median")
    if chosen.published:
        rules.append("cells by crop area and perimeter, the published rule of JC-Cell-Pipeline")
    if rules:
        yield f"Not classified were {listed(rules)}."


def _classify(settings: AnalyseSettings, run: Mapping[str, Any], cited: Bibliography) -> Iterator[str]:
    head, encoder, made = run.get("head"), run.get("encoder"), run.get("vectors") or {}
    if not head:
        yield "Cells were counted without classes."
        return
    yield from _vectors(encoder, made, run, cited)
    by = f"They were classified by the linear head {head}{cited.cite((*OF_STEP['head'], *of_model(head)))}"
    if run.get("calibrated"):
        yield f"{by}, its probabilities calibrated by a temperature{cited.cite(OF_STEP['calibrated'])}."
    else:
        yield f"{by}, uncalibrated."
    chosen = settings.classify
    if chosen.unsure == "conformal":
        unsure = (
            f"cells with more than one possible class at an error rate of {chosen.error_rate:g} (conformal sets"
            f"{cited.cite(OF_STEP['conformal'])})"
        )
    else:
        unsure = f"cells whose margin was below {chosen.unsure_margin:g}"
    yield f"The threshold of the positive class was {chosen.threshold:g}; {unsure} count as unsure."
    yield (
        "Cells farther from the classes of the training cells, by Mahalanobis distance, than 99 % of those are told as "
        f"unlike them{cited.cite(OF_STEP['novelty'])}."
    )


def _vectors(
    encoder: str | None, made: Mapping[str, Any], run: Mapping[str, Any], cited: Bibliography
) -> Iterator[str]:
    crop = made.get("crop") or run.get("encoder_crop")
    cut = _CUT[CropMode(crop["mode"])].format(px=crop["size_px"]) if crop else "cut"
    dropped = f", without {listed(crop['drop_channels'])}" if crop and crop["drop_channels"] else ""
    align = (made.get("preprocess") or {}).get("align")
    turned = f", turned to the main direction of the image{cited.cite(OF_STEP['align'])}" if align else ""
    views = (made.get("reads") or {}).get("views", 1)
    mean = f", averaged over {views} turned and mirrored views" if views > 1 else ""
    measured = ", with measurements of shape and brightness" if (made.get("reads") or {}).get("shape") else ""
    yield (
        f"Each cell was {cut}{turned}{dropped} and encoded by {encoder or 'the encoder of the head'}"
        f"{cited.cite(of_model(encoder or ''))} (class token and mean patch token{mean}{measured})."
    )


def _explain(explain: ExplainSettings, cited: Bibliography) -> Iterator[str]:
    method = explain.named
    yield (
        f"Maps of what speaks for and against a class are by {method_text(method, explain.layer)}"
        f"{cited.cite(OF_METHOD[method])}, in logit units, on one symmetric scale."
    )
    cite = cited.cite(OF_STEP["typical cells"])
    yield f"Typical cells are medoids of the cells of a class in the space of the encoder{cite}."


def _findings(cited: Bibliography) -> str:
    exact, steps = cited.cite(OF_METHOD["exact"]), ("effects", "intervals", "channel effects", "flips", "adjusted")
    cite = {name: cited.cite(OF_STEP[name]) for name in steps}
    return (
        "What calls rest on was measured on cells drawn evenly over the calls: the share of the exact attribution "
        f"(HiResCAM{exact}) in each place of the cell, compared between classes by Cliff's delta{cite['effects']} with "
        "bootstrap intervals"
        f"{cite['intervals']} over images where there are enough, and calls made again with a channel or a part "
        f"removed{cite['channel effects']}, by McNemar's test{cite['flips']}; p values of places were adjusted by "
        f"Holm{cite['adjusted']}."
    )
