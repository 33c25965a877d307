/** The version and commit compiled into the binary by `build.ts`; a dt run from source has neither. */
declare const DT_VERSION: string;
declare const DT_COMMIT: string;
declare const DT_BUILD: string;

export const VERSION: string = typeof DT_VERSION === "string" ? DT_VERSION : "0.0.0-dev";
export const COMMIT: string = typeof DT_COMMIT === "string" ? DT_COMMIT : "";

/** A hash of the sources it was built from. */
export const BUILD: string = typeof DT_BUILD === "string" ? DT_BUILD : "";
