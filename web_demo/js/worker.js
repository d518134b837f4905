// Everything slow, off the page's thread. A classic worker: LiteRT.js calls
// importScripts(), which module workers lack.
//
// In: {id, method, args}. Out: {id, result}, {id, error}, and {progress} while it loads.

let engine;

const methods = {
  async load(folder, vendor) {
    const {Engine} = await import('./engine.js');
    engine = await Engine.load(folder, vendor, (progress) => postMessage({progress}));
    return engine.contract;
  },
  prepare: (picture) => engine.prepare(picture),
  seededStyle: (seed, label) => engine.seededStyle(seed, label),
  encodeStyle: (picture, label) => engine.encodeStyle(picture, label),
  translate: (picture, style) => engine.translate(picture, style),
};

self.onmessage = async ({data: {id, method, args}}) => {
  try {
    postMessage({id, result: await methods[method](...args)});
  } catch (error) {
    postMessage({id, error: error?.message || String(error)});
  }
};
