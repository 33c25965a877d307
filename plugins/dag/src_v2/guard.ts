/** Only a browser on this machine that asks for an address of this machine is answered: a name re-pointed to it says its own in `Host`. */
const OWN_NAMES = new Set(["localhost", "127.0.0.1", "[::1]"]);

export function isOwnHost(host: string | null): boolean {
  return host !== null && OWN_NAMES.has(host.toLowerCase().replace(/:\d*$/, ""));
}

/** The page needs nothing from elsewhere, and what it shows is never run. */
export const HEADERS = {
  "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
};
