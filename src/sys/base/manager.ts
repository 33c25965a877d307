/** Which service manager this system has for a user's own services. */
export type ServiceManager = "systemd" | "launchd";

export function usualManager(platform: NodeJS.Platform = process.platform): ServiceManager {
  return platform === "darwin" ? "launchd" : "systemd";
}
