// The exported model on LiteRT.js: the three signatures as functions. Runs in the worker.

import {checkFile, parseContract} from './contract.js';
import {seededLatent} from './latents.js';
import {square, toBytes, toFloat} from './pixels.js';
import {loadAndCompile, loadLiteRt, supportsFeature, Tensor} from '../vendor/litert.js';

/** A loaded model. Pictures are RGB bytes, img_size x img_size; styles Float32Array. */
export class Engine {
  #models;

  constructor(contract, models) {
    this.contract = contract;
    this.#models = models;
  }

  /**
   * Loads LiteRT.js and a model.
   *
   * @param folder URL of the folder that holds stargan.json.
   * @param vendor URL of the folder that holds LiteRT.js's wasm files.
   * @param progress called with ({phase, loaded, total}), the latter two in bytes.
   */
  static async load(folder, vendor, progress) {
    const text = new TextDecoder().decode(await download(folder + 'stargan.json'));
    const contract = parseContract(text);
    await loadRuntime(vendor, progress);
    const files = Object.entries(contract.files);
    const total = files.reduce((sum, [, {bytes}]) => sum + bytes, 0);
    const models = new Map();
    let before = 0;
    for (const [name, {bytes: size}] of files) {
      const bytes = await download(folder + name, (loaded) =>
        progress({phase: 'model', loaded: before + loaded, total}));
      await checkFile(contract, name, bytes);
      progress({phase: 'compile'});
      models.set(name, await loadAndCompile(bytes, {accelerator: 'wasm'}));
      before += size;
    }
    return new Engine(contract, models);
  }

  /** Returns the part of a picture that the model sees, at its size. */
  prepare(picture) {
    return square(picture, this.contract.img_size);
  }

  /** Returns the style of a seed in a domain. */
  async seededStyle(seed, label) {
    const {latent_dim} = this.contract;
    const z = [seededLatent(seed, latent_dim), [1, latent_dim]];
    return this.#run('map_latent', {z, y: labelOf(label)}, 's');
  }

  /** Returns the style of a picture, as one of a domain. */
  async encodeStyle(picture, label) {
    const x_ref = [toFloat(picture), this.#pixels];
    return this.#run('encode_style', {x_ref, y: labelOf(label)}, 's');
  }

  /** Returns a picture in a style. */
  async translate(picture, style) {
    const x_src = [toFloat(picture), this.#pixels];
    const s = [style, [1, this.contract.style_dim]];
    return toBytes(await this.#run('translate', {x_src, s}, 'x_fake'));
  }

  get #pixels() {
    const {img_size} = this.contract;
    return [1, img_size, img_size, 3];
  }

  async #run(signature, inputs, output) {
    const model = this.#models.get(this.contract.signatures[signature].file);
    const tensors = Object.fromEntries(Object.entries(inputs).map(([name, [data, shape]]) =>
      [name, new Tensor(data, shape)]));
    // A file of one signature may have lost its name on the way; then it is the default.
    const outputs = await (model.signatures[signature] ?? model).run(tensors);
    const values = (await outputs[output].data()).slice();
    for (const tensor of [...Object.values(tensors), ...Object.values(outputs)]) {
      tensor.delete();
    }
    return values;
  }
}

const labelOf = (label) => [Int32Array.of(label), [1]];

/** Loads LiteRT.js; its wasm file by ourselves, so that its progress can be told. */
async function loadRuntime(vendor, progress) {
  const kind = (await supportsFeature('relaxedSimd')) ? '' : 'compat_';
  const file = `${vendor}litert_wasm_${kind}internal`;
  const wasmBinary = await download(`${file}.wasm`, (loaded, total) =>
    progress({phase: 'runtime', loaded, total}));
  self.Module = {wasmBinary};
  await loadLiteRt(`${file}.js`);
}

/** Returns a file's bytes; throws an Error that names it where it can't be had. */
async function download(url, progress = () => {}) {
  const name = url.split('/').pop();
  let response;
  try {
    response = await fetch(url);
  } catch {
    throw new Error(`${name} can't be loaded: is the server still there?`);
  }
  if (!response.ok) throw new Error(`${name} can't be loaded (HTTP ${response.status})`);
  const total = Number(response.headers.get('Content-Length')) || 0;
  const parts = [];
  let loaded = 0;
  for (const reader = response.body.getReader(); ;) {
    const {done, value} = await reader.read();
    if (done) break;
    parts.push(value);
    loaded += value.length;
    progress(loaded, total);
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
