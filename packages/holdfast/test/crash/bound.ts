/** A bound on waiting for others: crash tests wait for real processes, which may never answer. */

/** What `promise` comes to, or `otherwise` says after so long. */
export async function within<T, U>(ms: number, promise: Promise<T>, otherwise: () => U | Promise<U>): Promise<T | U> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<U>((resolve) => {
    timer = setTimeout(() => {
      resolve(otherwise())
    }, ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
