// Styles between styles, in float32 step by step as on the other platforms.

/** Returns the style at a share of the way from one to another, 0 to 1. */
export function between(first, second, share) {
  const part = Math.fround(share);
  return Float32Array.from(first, (a, i) =>
    a + Math.fround(part * Math.fround(second[i] - a)));
}

/** Returns a style nearer to its domain's mean: mean + psi * (style - mean). */
export function tempered(style, mean, psi) {
  return psi === 1 ? style : between(mean, style, psi);
}
