/**
 * A photo by the camera of a device that has no app for it: a desk's.
 */

import { byId } from "../element.js";
import { readPicture } from "../picture.js";
import { Problem } from "../problem.js";
import { text } from "./text.js";

/**
 * Lets the button that takes a photo open the camera here, where the browser can; where not, or on a
 * phone, whose own camera is better, the file input with `capture` stays.
 * @param {{choose: (picture: Promise<import("../picture.js").Picture>) => void,
 *   fail: (problem: Problem) => void}} listener
 */
export function listenForCamera({ choose, fail }) {
  const dialog = byId("camera-dialog", HTMLDialogElement);
  const video = byId("camera-video", HTMLVideoElement);
  const close = () => dialog.close();
  dialog.addEventListener("close", () => {
    const stream = video.srcObject;
    if (stream instanceof MediaStream) for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  });
  byId("camera-close", HTMLElement).addEventListener("click", close);
  byId("camera-take", HTMLElement).addEventListener("click", () => {
    choose(photoOf(video));
    close();
  });
  byId("take-photo", HTMLElement).addEventListener("click", async (event) => {
    if (!navigator.mediaDevices || matchMedia("(pointer: coarse)").matches) return;
    event.stopImmediatePropagation(); // the file input is not needed
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      dialog.showModal();
      await video.play();
    } catch {
      close(); // there is none, it is in use, or the person said no
      fail(new Problem(text("no_camera"), text("no_camera_detail"), { mayPass: false }));
    }
  });
}

/**
 * @param {HTMLVideoElement} video
 * @returns {Promise<import("../picture.js").Picture>}
 */
async function photoOf(video) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  /** @type {Blob} */
  const bytes = await new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no frame"))), "image/jpeg", 0.95);
  });
  return readPicture(bytes, text("photo_name"));
}
