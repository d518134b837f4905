"""Measuring a run: FID, KID, LPIPS, and the probe of drawn animals."""
