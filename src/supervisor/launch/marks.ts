/** Variables by which one dt knows what another has done. */

/** In a host's own environment, so that a stop of the launch it was started in passes it over. */
export const HOST_MARK = "DIALTONE_HOST";

/** Set to the key of a one-shot whose needs whoever runs it has seen to. */
export const NEEDS_MET = "DIALTONE_NEEDS_MET";

/** Where dt keeps the Bun settings it took from its own environment, for the commands it starts. */
export const SAVED_ENVIRONMENT = "DIALTONE_SAVED_ENV";

/**
 * In the environment of what the daemon starts: dt goes by the manifests as a person last took them over. One-shots hand it on to a dt that they run;
 * a launch does not, for a person may work in it.
 */
export const KNOWN_MARK = "DIALTONE_KNOWN";

/** Set by whoever starts a managed command for somebody else, with its flags: a one-shot would take them for arguments, so it is refused. */
export const START_MARK = "DIALTONE_START";

/** In the environment of one try at an `exec` probe, so that what it left is found. */
export const PROBE_MARK = "DIALTONE_PROBE";

/** In the environment of what runs before a start, or because that needs it: the keys for whose starts it runs, by spaces. */
export const FIRST_MARK = "DIALTONE_FIRST_FOR";

/** Set to key, id and last stop of the ticket that whoever runs dt has taken for this start (supervisor/ticket/ticket.ts). */
export const TICKET_MARK = "DIALTONE_TICKET";
