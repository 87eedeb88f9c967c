/**
 * A picture that a person chose: its bytes, its name and, where the browser can, its pixels.
 */

const LONGEST_KEPT = 1600; // pixels; larger ones are only seen smaller, and cost memory

/**
 * @typedef {{readonly bytes: Blob, readonly name: string, readonly pixels: ImageBitmap | null}} Picture
 */

/**
 * Reads a picture. Its pixels are null where the browser does not know the format; the server may.
 * @param {Blob} bytes
 * @param {string} name
 * @returns {Promise<Picture>}
 */
export async function readPicture(bytes, name) {
  const pixels = await createImageBitmap(bytes).then(reduced, () => null);
  return { bytes, name, pixels };
}

/**
 * @param {ImageBitmap} pixels
 * @returns {Promise<ImageBitmap>}
 */
async function reduced(pixels) {
  const factor = LONGEST_KEPT / Math.max(pixels.width, pixels.height);
  if (factor >= 1) return pixels;
  const smaller = await createImageBitmap(pixels, {
    resizeWidth: Math.max(1, Math.round(pixels.width * factor)),
    resizeHeight: Math.max(1, Math.round(pixels.height * factor)),
    resizeQuality: "high",
  });
  pixels.close();
  return smaller;
}
