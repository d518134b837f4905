// LiteRT.js: the build that this browser can run, and what it computes with. Runs in the
// worker.

import {download} from './download.js';
import {
  getWebGpuDevice, loadAndCompile, loadLiteRt, supportsFeature,
} from '../vendor/litert.js';

const MOST_THREADS = 4; // more only wait for each other in models as small as these

let threads = 1;

/**
 * Loads LiteRT.js.
 *
 * @param vendor URL of the folder that holds its wasm files.
 * @param progress called with {phase, loaded, total}, the last two in bytes.
 */
export async function loadRuntime(vendor, progress) {
  const relaxed = await supportsFeature('relaxedSimd');
  if (relaxed && self.crossOriginIsolated) { // by the server's headers
    threads = Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS);
  }
  const kind = !relaxed ? 'compat_' : threads > 1 ? 'threaded_' : '';
  const file = `${vendor}litert_wasm_${kind}internal`;
  const wasmBinary = await download(`${file}.wasm`, (loaded, total) =>
    progress({phase: 'runtime', loaded, total}));
  self.Module = {wasmBinary, mainScriptUrlOrBlob: `${file}.js`, print: note, printErr: note};
  await quietly(() => loadLiteRt(`${file}.js`));
}

/** Returns a model of a file's bytes that computes on the CPU. */
export function compileForCpu(bytes) {
  return loadAndCompile(bytes, {accelerator: 'wasm', cpuOptions: {numThreads: threads}});
}

/** Returns a model that computes on the GPU; null if there is none, or it can't. */
export async function compileForGpu(bytes) {
  if (!getWebGpuDevice()) return null;
  try {
    const model = await quietly(() => loadAndCompile(
      bytes, {accelerator: 'webgpu', gpuOptions: {precision: 'fp32'}}));
    if (model.isFullyAccelerated && model.options.accelerator === 'webgpu') return model;
    model.delete();
  } catch (error) {
    note(`no WebGPU: ${error.message}`);
  }
  return null;
}

/** Returns what a model on the CPU computes with, in words. */
export const cpuInWords = () => `CPU, ${threads} thread${threads > 1 ? 's' : ''}`;

/** Writes what LiteRT.js says to the console, where it is no fault of the page. */
function note(...words) {
  console.debug(...words);
}

/** Calls `work`; warnings meanwhile, that there is no GPU, are notes. */
async function quietly(work) {
  const {warn} = console;
  console.warn = note;
  try {
    return await work();
  } finally {
    console.warn = warn;
  }
}
