"""Make a web page that translates images in the browser.

    tfstargan export web --run_dir=R --serve

writes a static site: the page of web_demo/, LiteRT.js from the npm package pinned
there, the run's model (exported first if needed), and a few images of the run's data as
examples. Any web server can serve it; --serve does so on this machine. If R has been
distilled, the model is that of R-light, which is fast enough for a camera.
"""

import dataclasses
import pathlib

from tfstargan import cli
from tfstargan.exported.variants import VARIANTS
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.RunOptions):
    """The flags of this command."""

    out: str = setting("site", "folder of the site", path=True)
    variant: str = setting("float32", f"of {', '.join(VARIANTS)}", one_of=VARIANTS)
    light: bool = setting(
        True, "use R-light, the distilled run, where there is one and no --checkpoint"
    )
    examples: int = setting(
        8,
        "images of the run's data for each domain to take a style from, and six to "
        "translate; 0: none (anyone who can open the site can read them)",
        at_least=0,
    )
    serve: bool = setting(False, "serve the site on this machine until Ctrl-C")
    port: int = setting(
        8000, "port of --serve; 0: a free one", at_least=0, at_most=65535
    )


def main(options: Options) -> None:
    """Write the site, and serve it with --serve."""
    from export.apps.server import serve
    from export.apps.site import write_site
    from tfstargan.runs.distilled import open_light
    from tfstargan.runs.run import open_run

    run, out = open_run(options.run_dir), pathlib.Path(options.out)
    if options.light and options.checkpoint is None:
        light = open_light(run, options.run_dir)
        if light is not run:
            print(f"Using the light run {light.path} (--nolight: {run.path})")
        run = light
    write_site(run, out, options.examples, options.variant, options.checkpoint)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    print(f"{out} ({size / 1e6:.1f} MB): serve it with any web server")
    if options.serve:
        serve(out, options.port)


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
