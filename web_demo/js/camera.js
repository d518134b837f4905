// The dialog that takes a photo.

import {pixelsOf} from './photos.js';
import {openCamera} from './video.js';

const dialog = document.getElementById('camera');
const video = dialog.querySelector('video');
const [close, turn, shoot] = ['close-camera', 'turn-camera', 'shoot'].map((id) =>
  document.getElementById(id));

/** True if this page may open a camera. Otherwise a phone's file dialog offers one. */
export const cameraWorks = Boolean(navigator.mediaDevices?.getUserMedia);

/** Shows the camera until a photo is taken. Returns its pixels, or null if cancelled. */
export async function takePhoto() {
  const sides = ['user', 'environment'];
  let stop = await openCamera(video, sides[0]);
  dialog.showModal();
  shoot.focus();
  return new Promise((resolve, reject) => {
    const listeners = new AbortController();
    const on = (target, event, handler) =>
      target.addEventListener(event, handler, {signal: listeners.signal});
    const end = () => {
      listeners.abort();
      stop();
      dialog.close();
    };
    on(dialog, 'close', () => { // by Escape, the button, or end()
      end();
      resolve(null);
    });
    on(close, 'click', () => dialog.close());
    on(turn, 'click', async () => {
      turn.disabled = shoot.disabled = true;
      stop();
      try {
        stop = await openCamera(video, sides.reverse()[0]);
        if (listeners.signal.aborted) stop(); // closed in the meantime
      } catch (error) {
        end();
        reject(error);
      }
      turn.disabled = shoot.disabled = false;
    });
    on(shoot, 'click', () => {
      const {videoWidth: width, videoHeight: height} = video;
      const pixels = pixelsOf(video, width, height, 'the photo');
      end();
      resolve(pixels);
    });
  });
}
