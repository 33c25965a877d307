export function manifestJsonSchema(): object {
  return {};
}
