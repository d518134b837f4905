"""Cut faces out of photographs as CelebA-HQ's are cut, by their landmarks.

    python -m tfstargan.align --source=photos/ --out=faces/ \
        --wing=wing.ckpt --mean_landmarks=celeba_lm_mean.npz [--size=256,512]

A face is turned, scaled and moved until its eyes and mouth lie where an average face of
CelebA-HQ has them. FAN looks at the largest centred square of a photograph, of which
the face should fill a good part: there is no search for faces. The two files are the
authors'. OUT/align.json lists every photograph, with the files written or with the
reason why no plausible face was found (see `flaw`).

For square photographs this is the authors' own way, but that small faces are taken from
the photograph in full, not from one reduced to --size.
"""

import json
import pathlib

from absl import flags
from tqdm import tqdm

from tfstargan import cli
from tfstargan.errors import UserError
from tfstargan.faces.alignment import MIN_PEAK
from tfstargan.faces.cutting import (
    REPORT,
    align_file,
    entries,
    load_finder,
    parse_sizes,
    plan,
    read_mean_landmarks,
)


def main() -> None:
    """Align what the flags say; list what was left out and how many were written."""
    options = flags.FLAGS
    if not options.source:
        raise UserError("--source: name a photograph, or a folder of them")
    if not options.out:
        raise UserError("--out: name a folder for the faces")
    source, out = pathlib.Path(options.source), pathlib.Path(options.out)
    targets = plan(source, out, parse_sizes(options.size))
    mean_landmarks = read_mean_landmarks(options.mean_landmarks)
    find_face = load_finder(options.wing)
    outcomes = {}
    for file in tqdm(targets, unit="photograph", disable=len(targets) < 2):
        outcome = align_file(
            file, targets[file], find_face, mean_landmarks, options.min_peak
        )
        outcomes[file] = outcome
        if outcome.left_out:
            tqdm.write(f"{file}: left out, {outcome.left_out}")
    written = sum(not outcome.left_out for outcome in outcomes.values())
    if not written:
        first, (_, reason) = next(iter(outcomes.items()))
        others = f"; nor are {len(outcomes) - 1} others" if len(outcomes) > 1 else ""
        raise UserError(f"{first}: not aligned, {reason}{others}")
    report = out / REPORT
    try:
        report.write_text(json.dumps(list(entries(outcomes, targets)), indent=1) + "\n")
    except OSError as error:
        raise UserError(f"{report}: can't be written ({error})") from error
    print(f"{written} of {len(targets)} photographs aligned, see {report}")


if __name__ == "__main__":
    flags.DEFINE_string("source", "", "the photograph to align, or a folder of them")
    flags.DEFINE_string("out", "", "folder for the faces; subfolders are kept")
    flags.DEFINE_list("size", ["256"], "side of the faces; several: OUT/256, OUT/512")
    flags.DEFINE_string("wing", "", "the authors' wing.ckpt, FAN's weights")
    flags.DEFINE_string("mean_landmarks", "", "the authors' celeba_lm_mean.npz")
    flags.DEFINE_float("min_peak", MIN_PEAK, "landmarks fainter than this are no face")
    cli.start(main)
