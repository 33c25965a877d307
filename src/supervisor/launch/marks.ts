/** Environment variables by which one dt process tells another what it has done. */

/** In the host's own environment. A stop of the launch that the host was started inside passes the host over. */
export const HOST_MARK = "DIALTONE_HOST";

/** Names the key of a one-shot whose needs the caller has already started. */
export const NEEDS_MET = "DIALTONE_NEEDS_MET";

/** Where dt saves the Bun settings that it removed from its own environment, for the commands it starts. */
export const SAVED_ENVIRONMENT = "DIALTONE_SAVED_ENV";

/**
 * In the environment of everything the daemon starts: dt uses the manifests as a user last took them over. One-shots
 * pass it on to any dt that they run. A launch does not, because a user may work inside it.
 */
export const KNOWN_MARK = "DIALTONE_KNOWN";

/**
 * Set when a managed command is started on another's behalf, with its flags. A one-shot would take the flags for
 * arguments, so dt refuses to run one.
 */
export const START_MARK = "DIALTONE_START";

/** In the environment of one attempt at an `exec` probe, so that processes it leaves behind are found. */
export const PROBE_MARK = "DIALTONE_PROBE";

/**
 * In the environment of what runs before a start, or because the start needs it: the keys it runs for, separated by
 * spaces.
 */
export const FIRST_MARK = "DIALTONE_FIRST_FOR";

/** The ticket that the caller of this dt took for the start: key, id and last stop (supervisor/ticket/ticket.ts). */
export const TICKET_MARK = "DIALTONE_TICKET";
