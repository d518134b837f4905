"""The report as one HTML page that needs no other file."""

import base64
import html
import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from tfstargan import images as image_files


def page(
    title: str,
    subtitle: str,
    recommended: Mapping[str, str],
    faults: Mapping[str, str],
    groups: Mapping[str, Sequence[Sequence[str]]],
    legend: Mapping[str, str],
    shown: Mapping[str, np.ndarray],
) -> str:
    """The text of the page.

    Args:
        title: the heading.
        subtitle: the line below it.
        recommended: {purpose: which variant, and why}.
        faults: {variant: why it was not written, or empty}, in the order of columns.
        groups: {group: rows of a name and the value of each variant}.
        legend: {group: what its figures mean}.
        shown: {name: images [N, H, W, 3] in [-1, 1]}, a row each.
    """
    lines = [f"<h1>{html.escape(title)}</h1>", f"<p>{html.escape(subtitle)}</p>"]
    if recommended:
        lines += ["<h2>Which variant</h2>", "<dl>"]
        for purpose, best in recommended.items():
            lines.append(f"<dt>{html.escape(purpose)}</dt><dd>{html.escape(best)}</dd>")
        lines.append("</dl>")
    else:
        lines.append("<p>To compare variants, export with --variants=all.</p>")
    lines += [
        f'<p class="fault">{html.escape(fault)}</p>'
        for fault in faults.values()
        if fault
    ]
    for group, rows in groups.items():
        lines += [f"<h2>{group}</h2>", f"<p>{html.escape(legend[group])}</p>"]
        lines += ["<div><table>", _row("th", ["", *faults])]
        lines += [_row("td", row) for row in rows]
        lines.append("</table></div>")
    lines += ["<h2>Images</h2>", '<div><table class="images">']
    lines += [_images(name, row) for name, row in shown.items()]
    lines.append("</table></div>")
    return PAGE.format(title=html.escape(title), body="\n".join(lines))


def _row(tag: str, cells: Sequence[str]) -> str:
    first, *rest = map(html.escape, cells)
    inner = "".join(f"<{tag}>{cell}</{tag}>" for cell in rest)
    return f"<tr><th>{first}</th>{inner}</tr>"


def _images(name: str, images: np.ndarray) -> str:
    cells = "".join(f"<td>{_image(image)}</td>" for image in images)
    return f"<tr><th>{html.escape(name)}</th>{cells}</tr>"


def _image(image: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(image_files.to_uint8(image)).save(file, "png")
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="" src="data:image/png;base64,{data}">'


PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }}
body {{ margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }}
h2 {{ margin: 2rem 0 .5rem; font-size: 1.2rem; }}
p {{ max-width: 45rem; margin: .5rem 0; }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem; }}
dt {{ font-weight: bold; }}
dd {{ margin: 0; }}
div {{ overflow-x: auto; }}
table {{ border-collapse: collapse; table-layout: fixed; width: max-content; }}
th, td {{ width: 7.5rem; padding: .3rem .6rem; text-align: right;
  box-sizing: border-box; overflow-wrap: break-word; vertical-align: top; }}
tr + tr {{ border-top: 1px solid #8884; }}
th:first-child {{ width: 18rem; text-align: left; font-weight: normal; }}
.fault {{ border-left: 3px solid #c60; padding-left: .7rem; }}
.images th:first-child {{ width: 6rem; }}
.images td {{ width: 9rem; padding: 2px; }}
img {{ width: 100%; display: block; image-rendering: pixelated; }}
</style>
{body}
</html>
"""
