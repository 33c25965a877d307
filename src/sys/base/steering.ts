/** Variables that steer the user's own Bun programs, and would steer dt, which is a Bun program too. */
export const STEERING =
  /^(BUN_OPTIONS|BUN_BE_BUN|BUN_INSPECT.*|BUN_FEATURE_FLAG_.*|BUN_JSC_.*|BUN_BYTECODE_.*|BUN_DESTRUCT_VM_ON_EXIT)$/;
