// The page's arithmetic against tests/vectors.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';

import {seededLatent, splitmix64} from '../js/latents.js';
import {square, toBytes, toFloat, withAlpha} from '../js/pixels.js';
import {between, tempered} from '../js/styles.js';

const vectors = (name) =>
  JSON.parse(readFileSync(new URL(`../../tests/vectors/${name}.json`, import.meta.url)));
const bytes = (base64) => new Uint8Array(Buffer.from(base64, 'base64'));
const floats = (base64) => new Float32Array(bytes(base64).buffer);

test('an image becomes the floats of Python, bit for bit', () => {
  const {cases, float_of_byte} = vectors('preprocess');
  for (const {width, height, rgb, img_size, square: expected, floats: f} of cases) {
    const small = square({width, height, data: bytes(rgb)}, img_size);
    assert.deepEqual(Buffer.from(small), Buffer.from(bytes(expected)), `${width} x ${height}`);
    assert.deepEqual(toFloat(small), floats(f));
  }
  assert.deepEqual(toFloat(Uint8Array.from({length: 256}, (_, i) => i)), Float32Array.from(float_of_byte));
});

test('an image with alpha is resized as one without', () => {
  const {width, height, rgb, img_size, square: expected} = vectors('preprocess').cases[5];
  const small = square({width, height, data: withAlpha(bytes(rgb))}, img_size);
  assert.deepEqual(Buffer.from(small), Buffer.from(bytes(expected)));
});

test('floats become the bytes of Python, ties and out of range included', () => {
  const {floats: values, bytes: expected} = vectors('postprocess');
  assert.deepEqual([...toBytes(Float32Array.from(values))], expected);
});

test('a seed gives the latent of Python', () => {
  for (const {seed, bits, latent} of vectors('latents').cases) {
    const stream = splitmix64(seed);
    assert.deepEqual(bits.map(() => String(stream.next().value)), bits);
    const found = seededLatent(seed, latent.length);
    found.forEach((value, i) => assert.ok(Math.abs(value - latent[i]) <= 1e-6));
  }
  assert.throws(() => seededLatent(-1, 4), RangeError);
  assert.throws(() => seededLatent(0.5, 4), RangeError);
});

test('interpolated styles are those of Python', () => {
  const {mean, style, other, psi, interpolate} = vectors('styles');
  const [m, s, o] = [mean, style, other].map((x) => Float32Array.from(x));
  for (const row of psi) {
    assert.deepEqual(between(m, s, row.psi), Float32Array.from(row.style));
    assert.deepEqual(tempered(s, m, row.psi), Float32Array.from(row.psi === 1 ? style : row.style));
  }
  for (const row of interpolate) {
    assert.deepEqual(between(s, o, row.share), Float32Array.from(row.style));
  }
});
