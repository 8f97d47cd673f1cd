/** A part of the benchmarks, and what the command line may tell it. */
export interface SectionOptions {
  /** A NIfTI file to measure on, where the section measures on one. */
  readonly volume: string | null
  readonly rounds: number
  /** Only what has one of these names. */
  readonly only: readonly string[] | null
}

export type Section = (options: SectionOptions) => Promise<void>

/** Wall time, and the time that all threads of the process took together. */
export interface Times {
  readonly wallMs: number
  readonly cpuMs: number
}

/** The best wall time, which other work can only lengthen, and the median of the time of all threads. */
export function summarize(rounds: readonly Times[]): Times {
  const used = rounds.map(({ cpuMs }) => cpuMs).toSorted((a, b) => a - b)
  return {
    wallMs: Math.min(...rounds.map(({ wallMs }) => wallMs)),
    cpuMs: used[Math.floor(used.length / 2)] ?? Number.NaN,
  }
}

export async function time(run: () => Promise<unknown>): Promise<Times> {
  const before = process.cpuUsage()
  const start = performance.now()
  await run()
  const wallMs = performance.now() - start
  const { user, system } = process.cpuUsage(before)
  return { wallMs, cpuMs: (user + system) / 1000 }
}
