/** How long a program of many requests goes on where it is real: a busy machine makes fewer of them in that time. */
export type Patience = () => boolean

/** For programs that are explored, whose requests are few. */
export const endless: Patience = () => true

/** Lasts so many milliseconds from now on. */
export function startPatience(milliseconds: number): Patience {
  const since = performance.now()
  return () => performance.now() - since < milliseconds
}
