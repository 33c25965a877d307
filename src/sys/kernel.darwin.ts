/** macOS: what Linux has and this system has not, told as what follows from it. */
import type { KernelFeature } from "./kerneltypes.ts";

export function describeKernel(): KernelFeature[] {
  return [
    {
      name: "check and signal in one step (pidfd)",
      works: false,
      without: "the start time is compared right before each signal, not in the same step",
    },
    {
      name: "adoption of orphans (subreaper)",
      works: false,
      without: "a process that lost its parent is found by session and token alone",
    },
  ];
}
