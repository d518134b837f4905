"""How good translations are: FID, KID, precision and recall, LPIPS.

Each module has one part: `inception` and `lpips` the networks and what they see, `fid`
the formulas on features, `backbones` where published weights come from, `protocol` what
is translated. `tfstargan.evaluate` puts them together.
"""
