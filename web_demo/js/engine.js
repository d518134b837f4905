// The exported model in LiteRT.js: the three signatures as functions. Runs in the worker.

import {checkFile, parseContract} from './contract.js';
import {download} from './download.js';
import {seededLatent} from './latents.js';
import {square, toBytes, toFloat} from './pixels.js';
import {compileForCpu, compileForGpu, cpuInWords, loadRuntime} from './runtime.js';
import {Tensor} from '../vendor/litert.js';

const FIRST = ['map_latent', 'translate']; // signatures that the first image needs
const CLOSE = 0.02; // largest difference of the GPU's output, of [-1, 1], to be used

/**
 * A loaded model. Images are RGB bytes, img_size x img_size; styles Float32Array.
 *
 * Calls may overlap: the model computes one after the other.
 */
export class Engine {
  #folder;
  #models = new Map(); // by the name of the file; promises of those that are not needed yet
  #gpu = null; // a model of the generator on the GPU
  #canvas = null; // context that frames are drawn on
  #last = Promise.resolve(); // ends with the last run that was asked for

  constructor(contract, folder) {
    this.contract = contract;
    this.#folder = folder;
  }

  /**
   * Loads LiteRT.js and a model. The style encoder goes on loading, until it is needed.
   *
   * @param folder URL of the folder that holds stargan.json.
   * @param vendor URL of the folder that holds LiteRT.js's wasm files.
   * @param progress called with {phase, loaded, total}, the last two in bytes.
   */
  static async load(folder, vendor, progress) {
    const text = new TextDecoder().decode(await download(folder + 'stargan.json'));
    const contract = parseContract(text);
    await loadRuntime(vendor, progress);
    const engine = new Engine(contract, folder);
    await engine.#loadGenerator(progress);
    for (const name of engine.#missing()) { // they take no part in the first image
      const loading = engine.#fetch(name).then(compileForCpu);
      loading.catch(() => {}); // reported where it is needed
      engine.#models.set(name, loading);
    }
    return engine;
  }

  /** Loads the files that the first image needs, one after the other. */
  async #loadGenerator(progress) {
    const {files, signatures} = this.contract;
    const names = new Set(FIRST.map((signature) => signatures[signature].file));
    const total = [...names].reduce((sum, name) => sum + files[name].bytes, 0);
    let before = 0;
    let generator;
    for (const name of names) {
      const bytes = await this.#fetch(name, (loaded) =>
        progress({phase: 'model', loaded: before + loaded, total}));
      progress({phase: 'compile'});
      this.#models.set(name, await compileForCpu(bytes));
      before += bytes.length;
      if (name === signatures.translate.file) generator = bytes;
    }
    await this.#considerGpu(await compileForGpu(generator));
  }

  /** Returns the URLs of all that was loaded, when the last file has been. */
  async loaded() {
    await Promise.all(this.#models.values());
    return performance.getEntriesByType('resource').map(({name}) => name);
  }

  async #fetch(name, progress) {
    const bytes = await download(this.#folder + name, progress);
    await checkFile(this.contract, name, bytes);
    return bytes;
  }

  #missing() {
    return Object.keys(this.contract.files).filter((name) => !this.#models.has(name));
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

  /**
   * Returns the centered square of a video's frame, and the same in a style.
   *
   * @param frame an ImageBitmap, which is closed.
   */
  async translateFrame(frame, style) {
    const {width, height} = frame;
    this.#canvas ??= new OffscreenCanvas(width, height).getContext(
      '2d', {willReadFrequently: true});
    const {canvas} = this.#canvas;
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    this.#canvas.drawImage(frame, 0, 0);
    frame.close();
    const source = this.prepare(this.#canvas.getImageData(0, 0, width, height));
    return {source, fake: await this.translate(source, style)};
  }

  /** Returns an image in a style. */
  async translate(image, style) {
    return toBytes(await this.#generate(image, style));
  }

  async #generate(image, style) {
    const x_src = [toFloat(image), this.#pixels];
    const s = [style, [1, this.contract.style_dim]];
    try {
      return await this.#run('translate', {x_src, s}, 'x_fake');
    } catch (error) {
      if (!this.#gpu) throw error;
      this.#gpu = null; // the browser may take the GPU away at any time
      return this.#run('translate', {x_src, s}, 'x_fake');
    }
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

  /** What the generator computes with, in words. */
  get device() {
    return this.#gpu ? 'GPU' : cpuInWords();
  }

  /** Translates on the GPU from now on if its output is the CPU's, and comes sooner. */
  async #considerGpu(gpu) {
    if (!gpu) return;
    const length = this.contract.img_size ** 2 * 3;
    const pattern = Uint8ClampedArray.from({length}, (_, i) => (i * 37) % 256);
    const style = await this.seededStyle(0, 0);
    const timed = async () => {
      await this.#generate(pattern, style); // the first run takes longer
      const start = performance.now();
      const image = await this.#generate(pattern, style);
      return {image, time: performance.now() - start};
    };
    const cpu = await timed();
    this.#gpu = gpu;
    const other = await timed().catch(() => null);
    const close = other?.image.every((value, i) => Math.abs(value - cpu.image[i]) <= CLOSE);
    if (close && other.time < cpu.time) return;
    this.#gpu = null;
    gpu.delete();
  }

  async #run(signature, inputs, output) {
    const {file} = this.contract.signatures[signature];
    const model = (signature === 'translate' && this.#gpu) || await this.#models.get(file);
    const result = this.#last.then(() => this.#compute(model, signature, inputs, output));
    this.#last = result.catch(() => {});
    return result;
  }

  async #compute(model, signature, inputs, output) {
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
