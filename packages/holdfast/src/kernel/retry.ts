/** When a failed attempt is tried again. */
import type { RetryPolicy } from "./command.ts"

/** The wait after the given number of failures (1 for the first): exponential, bounded by `maxMs`. */
export function backoffMs(policy: RetryPolicy, failures: number): number {
  const grown = policy.initialMs * policy.factor ** (failures - 1)
  return Number.isFinite(grown) ? Math.min(grown, policy.maxMs) : policy.maxMs
}
