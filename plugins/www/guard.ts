/**
 * Which requests the development server answers: those a browser on this machine makes for an address of this machine.
 * A page elsewhere whose name was re-pointed to 127.0.0.1 (DNS rebinding) still says its own name in `Host`.
 */

const OWN_NAMES = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Takes the `Host` header, with or without a port. */
export function isOwnHost(host: string | null): boolean {
  return host !== null && OWN_NAMES.has(host.toLowerCase().replace(/:\d*$/, ""));
}

/** No page needs anything from elsewhere, and none may be framed or run a script that is not a file of the theme. */
export const SECURITY_HEADERS = {
  "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};
