/**
 * Decides which requests a server on this machine's own address answers. A browser sends them for every page it shows,
 * untrusted ones too:
 *
 * | what is asked                                       | how it is known                                | answer |
 * | ---                                                 | ---                                            | ---    |
 * | by a name re-pointed to 127.0.0.1 (DNS rebinding)   | `Host` is not one of this machine's own names  | 421    |
 * | by another origin's script, form, stream            | `Origin` is not the address that was asked     | 403    |
 * | by another origin's image, script tag, frame, fetch | `Sec-Fetch-Site: cross-site` or `same-site`    | 403    |
 * | by a link on another site, to a page                | the same, with `navigate` and `document`       | fine   |
 * | by an address typed in, or by the page itself       | `Sec-Fetch-Site: none` or `same-origin`        | fine   |
 * | by curl, a health probe                             | neither header                                 | fine   |
 *
 * Another port of this machine is another origin. Known limits: a browser older than 2023 that sends neither header
 * passes for curl; and other users of the machine can reach this port, like every port on the loopback.
 */

const OWN_NAMES = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/** Added to every answer. */
export const HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
};

export interface Refusal {
  status: 403 | 405 | 421;
  why: string;
}

interface Rules {
  methods: readonly string[];
  isPage(pathname: string): boolean;
}

/** Null: it may be answered. */
export function judge(request: Request, { methods, isPage }: Rules): Refusal | null {
  const { headers, method } = request;
  const host = headers.get("host");
  if (host === null || !OWN_NAMES.test(host))
    return { status: 421, why: "this server answers only to localhost, 127.0.0.1 and [::1]" };
  if (!methods.includes(method)) return { status: 405, why: `only ${methods.join(" and ")} are answered here` };
  const origin = headers.get("origin");
  if (origin !== null && !isOrigin(origin, host))
    return { status: 403, why: `this server answers only its own pages, not those of ${JSON.stringify(origin)}` };
  const site = headers.get("sec-fetch-site");
  if (site === null || site === "same-origin" || site === "none") return null;
  const isLink =
    (method === "GET" || method === "HEAD") &&
    headers.get("sec-fetch-mode") === "navigate" &&
    headers.get("sec-fetch-dest") === "document";
  if (isLink && isPage(new URL(request.url).pathname)) return null;
  return { status: 403, why: "this server answers only its own pages, not those of another site" };
}

/** `https` comes from a tunnel that keeps the name. */
function isOrigin(origin: string, host: string): boolean {
  const given = origin.toLowerCase();
  return given === `http://${host.toLowerCase()}` || given === `https://${host.toLowerCase()}`;
}
