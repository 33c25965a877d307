/** What a system offers. No code in this file. */

export interface KernelFeature {
  name: string;
  works: boolean;
  /** What dt cannot do, or does in another way, without the feature. */
  without: string;
}
