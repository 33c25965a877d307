/** SHA-256 as text: how the cache knows content. */
export function hashOf(content: string | Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(content).digest("base64");
}
