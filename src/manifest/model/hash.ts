/** SHA-256 as text, by which the cache recognizes content. */
export function hashOf(content: string | Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(content).digest("base64");
}

/** Largest manifest in bytes; anything larger is a mistake or a device. */
export const FILE_LIMIT = 16 * 1024 * 1024;
