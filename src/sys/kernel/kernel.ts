/** Which of the features that dt's promises rest on this system offers. The one place that chooses the platform. */
import { describeKernel as describeDarwin } from "./kernel.darwin.ts";
import { describeKernel as describeLinux } from "./kernel.linux.ts";
import type { KernelFeature } from "./types.ts";

export function describeKernel(platform: NodeJS.Platform = process.platform): KernelFeature[] {
  return platform === "darwin" ? describeDarwin() : describeLinux();
}
