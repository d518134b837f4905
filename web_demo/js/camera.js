// The camera's dialog.

import {pixelsOf, startCamera} from './photos.js';

const dialog = document.getElementById('camera');
const video = dialog.querySelector('video');
const button = (id) => document.getElementById(id);

/** True where this page may open a camera; elsewhere a phone's file dialog has one. */
export const cameraWorks = Boolean(navigator.mediaDevices?.getUserMedia);

/** Shows the camera until a picture is taken; returns {pixels, url}, null if cancelled. */
export async function takePicture() {
  let facing = 'user';
  let stop = await startCamera(video, facing);
  dialog.showModal();
  button('shoot').focus();
  return new Promise((resolve, reject) => {
    const listeners = new AbortController();
    const on = (target, event, handler) =>
      target.addEventListener(event, handler, {signal: listeners.signal});
    const end = (settle, value) => {
      listeners.abort();
      stop();
      dialog.close();
      settle(value);
    };
    on(dialog, 'cancel', () => end(resolve, null));
    on(button('close-camera'), 'click', () => end(resolve, null));
    on(button('turn-camera'), 'click', async () => {
      stop();
      facing = facing === 'user' ? 'environment' : 'user';
      stop = await startCamera(video, facing).catch((error) => end(reject, error));
    });
    on(button('shoot'), 'click', () => {
      const {videoWidth: width, videoHeight: height} = video;
      end(resolve, pixelsOf(video, width, height, 'the camera picture'));
    });
  });
}
