/** What a fault test counted, for docs/reliability.md: `bun run soak` reads these lines. */
export function tellNumbers(text: string): void {
  console.log(`numbers: ${text}`);
}
