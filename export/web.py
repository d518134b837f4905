"""A page that translates pictures in the browser, as a folder with all it needs.

    python -m export.web --run_dir=R --out=site

writes a static site: the page of web_demo/, LiteRT.js from the npm package pinned
there, the run's model (exported first if it is not yet), and a few pictures of the
run's data to try it on. Any web server serves it; `--serve` does for a look.
"""

import pathlib

from absl import flags

from export.apps.server import serve
from export.apps.site import write_site
from tfstargan import cli
from tfstargan.runs.run import Run


def main() -> None:
    """Write the site, and serve it if asked to."""
    options = flags.FLAGS
    run = Run.open(options.run_dir)
    out = pathlib.Path(options.out)
    write_site(run, out, options.examples, options.variant, options.checkpoint)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    print(f"{out} ({size / 1e6:.1f} MB): serve it with any web server")
    if options.serve:
        serve(out, options.port)


if __name__ == "__main__":
    cli.define_run_flags()
    flags.DEFINE_string("out", "site", "folder to make")
    flags.DEFINE_string("variant", "float32", "which exported model: see export.tflite")
    flags.DEFINE_integer(
        "examples",
        8,
        "pictures of the run's data per domain to take a style from, and six to "
        "translate; 0: none (they are readable by whoever sees the site)",
        lower_bound=0,
    )
    flags.DEFINE_bool("serve", False, "serve it on this machine until Ctrl-C")
    flags.DEFINE_integer("port", 8000, "to serve at; 0: a free one", 0, 65535)
    cli.start(main)
