// The exported model in LiteRT.js: the three signatures as functions. Runs in the worker.

import {checkFile, parseContract} from './contract.js';
import {seededLatent} from './latents.js';
import {square, toBytes, toFloat} from './pixels.js';
import {loadAndCompile, loadLiteRt, supportsFeature, Tensor} from '../vendor/litert.js';

/**
 * A loaded model. Images are RGB bytes, img_size x img_size; styles Float32Array.
 *
 * Calls may overlap: the model computes one after the other.
 */
export class Engine {
  #models;
  #last = Promise.resolve(); // ends with the last run that was asked for

  constructor(contract, models) {
    this.contract = contract;
    this.#models = models;
  }

  /**
   * Loads LiteRT.js and a model.
   *
   * @param folder URL of the folder that holds stargan.json.
   * @param vendor URL of the folder that holds LiteRT.js's wasm files.
   * @param progress called with {phase, loaded, total}, the last two in bytes.
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

  /** Returns the largest centered square of an image, at the size of the model. */
  prepare(image) {
    return square(image, this.contract.img_size);
  }

  /** Returns the style of a seed in the domain of a label. */
  async seededStyle(seed, label) {
    const {latent_dim} = this.contract;
    const z = [seededLatent(seed, latent_dim), [1, latent_dim]];
    return this.#run('map_latent', {z, y: this.#label(label)}, 's');
  }

  /** Returns the style of an image as one of the domain of a label. */
  async encodeStyle(image, label) {
    const x_ref = [toFloat(image), this.#pixels];
    return this.#run('encode_style', {x_ref, y: this.#label(label)}, 's');
  }

  /** Returns an image in a style. */
  async translate(image, style) {
    const x_src = [toFloat(image), this.#pixels];
    const s = [style, [1, this.contract.style_dim]];
    return toBytes(await this.#run('translate', {x_src, s}, 'x_fake'));
  }

  get #pixels() {
    const {img_size} = this.contract;
    return [1, img_size, img_size, 3];
  }

  /** Returns a label as a tensor. The model would give a style for any number. */
  #label(label) {
    const {length} = this.contract.domains;
    if (!Number.isInteger(label) || label < 0 || label >= length) {
      throw new RangeError(`label ${label}: must be 0 to ${length - 1}`);
    }
    return [Int32Array.of(label), [1]];
  }

  #run(signature, inputs, output) {
    const result = this.#last.then(() => this.#compute(signature, inputs, output));
    this.#last = result.catch(() => {});
    return result;
  }

  async #compute(signature, inputs, output) {
    const model = this.#models.get(this.contract.signatures[signature].file);
    const tensors = Object.fromEntries(Object.entries(inputs).map(([name, [data, shape]]) =>
      [name, new Tensor(data, shape)]));
    // A file of one signature may have lost its name; then it is the default one.
    const outputs = await (model.signatures[signature] ?? model).run(tensors);
    const values = (await outputs[output].data()).slice();
    for (const tensor of [...Object.values(tensors), ...Object.values(outputs)]) {
      tensor.delete();
    }
    return values;
  }
}

/** Loads LiteRT.js. Its wasm file is downloaded here to report the progress. */
async function loadRuntime(vendor, progress) {
  const kind = (await supportsFeature('relaxedSimd')) ? '' : 'compat_';
  const file = `${vendor}litert_wasm_${kind}internal`;
  const wasmBinary = await download(`${file}.wasm`, (loaded, total) =>
    progress({phase: 'runtime', loaded, total}));
  self.Module = {wasmBinary};
  await loadLiteRt(`${file}.js`);
}

/** Returns a file's bytes. Throws an Error that names the file if it can't be loaded. */
async function download(url, progress = () => {}) {
  const name = url.split('/').pop();
  let response;
  try {
    response = await fetch(url);
  } catch {
    throw new Error(`${name} can't be loaded: check that the server is running`);
  }
  if (!response.ok) throw new Error(`${name} can't be loaded (HTTP ${response.status})`);
  // Of a compressed response, the length is that of the compressed bytes.
  const {headers} = response;
  const total = headers.has('Content-Encoding') ? 0 : Number(headers.get('Content-Length'));
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
