// The model as the page sees it: the worker's methods as promises.

/** A model in a worker; its methods are those of Engine, see engine.js. */
export class Model {
  #worker = new Worker(new URL('worker.js', import.meta.url));
  #waiting = new Map();
  #next = 0;
  #progress;

  /** Begins nothing yet: call `load`. `progress` is told how loading goes on. */
  constructor(progress) {
    this.#progress = progress;
    this.#worker.onmessage = ({data}) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message || 'the worker could not be started');
    };
  }

  /** Loads the model of a folder; returns its description. */
  load(folder, vendor) {
    return this.#call('load', folder, vendor);
  }

  /** Returns what the model sees of a picture {width, height, data: RGBA bytes}. */
  prepare(picture) {
    return this.#call('prepare', picture);
  }

  /** Returns the style of a seed in the domain of a label. */
  seededStyle(seed, label) {
    return this.#call('seededStyle', seed, label);
  }

  /** Returns the style of a prepared picture, as one of a label's domain. */
  encodeStyle(picture, label) {
    return this.#call('encodeStyle', picture, label);
  }

  /** Returns a prepared picture in a style, as bytes. */
  translate(picture, style) {
    return this.#call('translate', picture, style);
  }

  #call(method, ...args) {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, {resolve, reject});
      this.#worker.postMessage({id, method, args});
    });
  }

  #receive({id, result, error, progress}) {
    if (progress) return this.#progress(progress);
    const {resolve, reject} = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  }

  #fail(message) {
    for (const {reject} of this.#waiting.values()) reject(new Error(message));
    this.#waiting.clear();
  }
}
