// The reader of stargan.json against tests/vectors/contract.json.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';

import {checkFile, ContractError, parseContract} from '../js/contract.js';

const file = new URL('../../tests/vectors/contract.json', import.meta.url);
const {valid, broken, unfit} = JSON.parse(readFileSync(file));

/** Reads a folder as the page does: first the description, then every file. */
async function open({text, files}) {
  const contract = parseContract(text);
  for (const name of Object.keys(contract.files)) {
    await checkFile(contract, name, new Uint8Array(Buffer.from(files[name] ?? '', 'base64')));
  }
  return contract;
}

for (const folder of valid) {
  test(`accepted: ${folder.case}`, async () => {
    const contract = await open(folder);
    assert.deepEqual(contract.domains, ['bear', 'cat', 'rabbit']);
    assert.equal(contract.mean_styles.cat.length, contract.style_dim);
  });
}

for (const folder of [...broken, ...unfit]) {
  test(`refused: ${folder.case}`, async () => {
    await assert.rejects(open(folder), (error) => {
      assert.ok(error instanceof ContractError, error.stack);
      assert.ok(error.message.includes(folder.names), error.message);
      return true;
    });
  });
}
