/** How durations are written where people read them. */

/** Whole milliseconds: a store's clock may be finer than anyone wants to read. */
export function describeMs(ms: number): string {
  return `${String(Math.round(ms))} ms`
}
