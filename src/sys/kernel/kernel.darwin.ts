/** macOS: the features that Linux has and this system lacks, each with its consequence. */
import type { KernelFeature } from "./types.ts";

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
      without: "an orphaned process is found by session and token only",
    },
  ];
}
