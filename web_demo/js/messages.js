// The page's messages: progress, failures and alerts.

import {setState} from './compare.js';

const $ = (id) => document.getElementById(id);
const PHASES = {
  runtime: 'Loading the runtime',
  model: 'Loading the model',
  compile: 'Preparing the model',
};

/** Shows how far loading is: the phase, and bytes if they are known. */
export function showProgress({phase, loaded, total}) {
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  const of = total ? ` of ${megabytes(total)}` : '';
  $('hint').style.visibility = 'hidden'; // its room stays
  $('phase').textContent = PHASES[phase] + (loaded ? `: ${megabytes(loaded)}${of} MB` : '');
  if (total) $('progress').value = loaded / total;
  else $('progress').removeAttribute('value');
}

/** Shows why the page can't work, in place of the image. */
export function showFailure(error) {
  setState('failed');
  $('hint').hidden = true;
  $('phase').textContent = error.message;
  $('loading').setAttribute('role', 'alert');
  $('retry').hidden = false;
  $('retry').addEventListener('click', () => location.reload());
}

/** Shows an error above the page. */
export function showAlert(error) {
  $('alert').querySelector('p').textContent = error.message;
  $('alert').hidden = false;
}

/** Returns a function that calls another and shows the error it may throw. */
export function guarded(act) {
  return async (...args) => {
    $('alert').hidden = true;
    try {
      await act(...args);
    } catch (error) {
      $('status').textContent = '';
      showAlert(error);
    }
  };
}
