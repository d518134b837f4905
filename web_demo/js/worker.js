// The slow work, in a thread of its own. This is a classic worker: LiteRT.js calls
// importScripts(), which module workers lack.
//
// In: {id, method, args}. Out: {id, result} or {id, error}, and {progress} while loading.

let engine;

const methods = {
  async load(folder, vendor) {
    const {Engine} = await import('./engine.js');
    engine = await Engine.load(folder, vendor, (progress) => postMessage({progress}));
    return {contract: engine.contract, device: engine.device};
  },
  loaded: () => engine.loaded(),
  prepare: (image) => engine.prepare(image),
  seededStyle: (seed, label) => engine.seededStyle(seed, label),
  encodeStyle: (image, label) => engine.encodeStyle(image, label),
  translate: (image, style) => engine.translate(image, style),
  translateFrame: (frame, style) => engine.translateFrame(frame, style),
};

self.onmessage = async ({data: {id, method, args}}) => {
  try {
    postMessage({id, result: await methods[method](...args)});
  } catch (error) {
    postMessage({id, error: error?.message || String(error)});
  }
};
