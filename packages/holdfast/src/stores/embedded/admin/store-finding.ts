/** What `holdfast doctor` finds. */
import type { Finding } from "../journal/check.ts"

/** A finding of any kind: `stale` files are of no use and do no harm. */
export interface StoreFinding extends Omit<Finding, "severity"> {
  readonly severity: Finding["severity"] | "stale" | "unfit"
}
