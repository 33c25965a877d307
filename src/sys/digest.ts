/** SHA-256 in hex. Bun's own, since `node:crypto` costs 3 ms of every start. */
export function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
