// Interpolation of styles, every step in float32 as in Python and the app.

/** Returns first + share * (second - first). */
export function between(first, second, share) {
  const part = Math.fround(share);
  return Float32Array.from(first, (a, i) =>
    a + Math.fround(part * Math.fround(second[i] - a)));
}

/** Returns mean + psi * (style - mean): a style nearer to its domain's mean. */
export function tempered(style, mean, psi) {
  return psi === 1 ? style : between(mean, style, psi);
}
