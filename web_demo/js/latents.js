// The latent of a seed, the same as in Python and the app: tests/vectors/README.md.

/** Yields 64-bit numbers (BigInt) without end: SplitMix64 with the seed as its state. */
export function* splitmix64(seed) {
  const wrap = (n) => BigInt.asUintN(64, n);
  let state = BigInt(seed);
  for (;;) {
    state = wrap(state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = wrap((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = wrap((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    yield z ^ (z >> 31n);
  }
}

/** Returns the latent of a seed: float32 from N(0, 1), by the Box-Muller transform. */
export function seededLatent(seed, length) {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`seed ${seed}`);
  const bits = splitmix64(seed);
  const fraction = (plus) => (Number(bits.next().value >> 11n) + plus) * 2 ** -53;
  const latent = [];
  while (latent.length < length) {
    const radius = Math.sqrt(-2 * Math.log(fraction(1))); // of (0, 1]: the logarithm is finite
    const angle = 2 * Math.PI * fraction(0);
    latent.push(radius * Math.cos(angle), radius * Math.sin(angle));
  }
  return Float32Array.from(latent.slice(0, length));
}
