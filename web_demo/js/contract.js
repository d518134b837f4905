// Reads and checks stargan.json, the description beside a model. Python and the Android
// app pass the same cases: tests/vectors/contract.json.

const SIGNATURES = ['map_latent', 'encode_style', 'translate'];

/** A fault of a model, in one line for the user. */
export class ContractError extends Error {}

/** Returns the description in a stargan.json. Throws a ContractError if it is invalid. */
export function parseContract(text) {
  let contract;
  try {
    contract = JSON.parse(text);
  } catch {
    throw new ContractError('stargan.json is not valid JSON: export the model again');
  }
  need(isObject(contract) && contract.format === 'tfstargan', 'stargan.json',
    'does not describe a tfstargan model');
  need(contract.format_version === 2, 'format_version',
    `must be 2, found ${contract.format_version}: export the model again`);
  for (const key of ['img_size', 'style_dim', 'latent_dim']) {
    need(isCount(contract[key]), key, 'must be a whole number above 0');
  }
  need(contract.batch === 1, 'batch', 'must be 1: export the model with --batch=1');
  checkDomains(contract);
  checkSignatures(contract);
  checkFiles(contract);
  return contract;
}

/** Throws a ContractError unless the size and hash of a file are those described. */
export async function checkFile(contract, name, bytes) {
  const expected = contract.files[name];
  need(bytes.length === expected.bytes, name,
    `${bytes.length} bytes, expected ${expected.bytes}: copy the model folder again`);
  // Only pages served over https or from localhost can hash.
  if (!globalThis.crypto?.subtle) return;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  need(hex === expected.sha256, name,
    'not the file described in stargan.json (SHA-256 differs): copy the folder again');
}

function checkDomains({domains, mean_styles: means, style_dim: length}) {
  need(Array.isArray(domains) && domains.length > 0 &&
    domains.every((name) => typeof name === 'string' && name) &&
    new Set(domains).size === domains.length, 'domains', 'must be a list of different names');
  need(isObject(means), 'mean_styles', 'must be an object');
  for (const domain of domains) {
    need(Object.hasOwn(means, domain) && isStyle(means[domain], length), 'mean_styles',
      `"${domain}" must be ${length} numbers`);
  }
}

function checkSignatures(contract) {
  const {signatures, files} = contract;
  need(isObject(signatures), 'signatures', 'must be an object');
  need(isObject(files), 'files', 'must be an object');
  const promised = promisedTensors(contract);
  for (const name of SIGNATURES) {
    const signature = signatures[name];
    need(isObject(signature), `signatures: ${name}`, 'is missing');
    const {file} = signature;
    need(typeof file === 'string' && /^[\w.-]+$/.test(file) && Object.hasOwn(files, file),
      `signatures: ${name}`, `file ${JSON.stringify(file)} is not among the files`);
    for (const side of ['inputs', 'outputs']) {
      for (const [tensor, {shape, dtype}] of Object.entries(promised[name][side])) {
        const found = signature[side]?.[tensor];
        need(isObject(found) && found.dtype === dtype && sameShape(found.shape, shape),
          `signatures: ${name}: ${tensor}`, `must be ${dtype} [${shape}]`);
      }
    }
  }
}

/** Returns the tensors of each signature, as in tfstargan/exported/contract.py. */
function promisedTensors({img_size: size, style_dim, latent_dim}) {
  const float = (...shape) => ({shape, dtype: 'float32'});
  const pixels = float(1, size, size, 3);
  const s = float(1, style_dim);
  const y = {shape: [1], dtype: 'int32'};
  return {
    map_latent: {inputs: {z: float(1, latent_dim), y}, outputs: {s}},
    encode_style: {inputs: {x_ref: pixels, y}, outputs: {s}},
    translate: {inputs: {x_src: pixels, s}, outputs: {x_fake: pixels}},
  };
}

function checkFiles({files}) {
  for (const [name, file] of Object.entries(files)) {
    need(isCount(file?.bytes), `files: ${name}: bytes`, 'must be a whole number above 0');
    need(typeof file.sha256 === 'string' && /^[0-9a-f]{64}$/.test(file.sha256),
      `files: ${name}: sha256`, 'must be 64 hexadecimal digits');
  }
}

function need(condition, what, message) {
  if (!condition) throw new ContractError(`${what}: ${message}`);
}

const isObject = (value) =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
const isCount = (value) => Number.isSafeInteger(value) && value > 0;
const isStyle = (value, length) =>
  Array.isArray(value) && value.length === length && value.every(Number.isFinite);
const sameShape = (found, shape) =>
  Array.isArray(found) && found.length === shape.length &&
  found.every((n, i) => n === shape[i]);
