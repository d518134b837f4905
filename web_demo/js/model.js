// The model on the page's side: the worker's methods as promises.

/** A model in a worker. Its methods are those of Engine, see engine.js. */
export class Model {
  #worker = new Worker(new URL('worker.js', import.meta.url));
  #waiting = new Map();
  #next = 0;
  #progress;

  /** Starts the worker; call `load` next. `progress` receives the loading progress. */
  constructor(progress) {
    this.#progress = progress;
    this.#worker.onmessage = ({data}) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message || 'the worker can\'t be started');
    };
  }

  /**
   * Loads the model of a folder.
   *
   * @returns {contract, device}: its description, and what the generator computes with,
   *     in words.
   */
  load(folder, vendor) {
    return this.#call('load', folder, vendor);
  }

  /** Returns the URLs of all that was loaded, when the last file of the model has been. */
  loaded() {
    return this.#call('loaded');
  }

  /** Returns the model's input for an image {width, height, data: RGBA bytes}. */
  prepare(image) {
    return this.#call('prepare', image);
  }

  /** Returns the style of a seed in the domain of a label. */
  seededStyle(seed, label) {
    return this.#call('seededStyle', seed, label);
  }

  /** Returns the style of a prepared image as one of the domain of a label. */
  encodeStyle(image, label) {
    return this.#call('encodeStyle', image, label);
  }

  /** Returns a prepared image in a style, as bytes. */
  translate(image, style) {
    return this.#call('translate', image, style);
  }

  /** Returns {source, fake}: a frame as the model's input, and that in a style. */
  translateFrame(frame, style) {
    return this.#send('translateFrame', [frame, style], [frame]);
  }

  #call(method, ...args) {
    return this.#send(method, args);
  }

  #send(method, args, transferred = []) {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, {resolve, reject});
      this.#worker.postMessage({id, method, args}, transferred);
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
