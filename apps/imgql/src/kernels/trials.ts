/** Work for tests and benchmarks: as much of it, and of memory, as is asked for, with results that do not depend on either. */
import type { Image } from "../image/image.ts"
import { plainGrid } from "../image/image.ts"
import type { Kernel, NoParameters } from "./kernel.ts"
import { makeDoubles } from "./memory.ts"
import { bytesOf, makeImage, requireScalar, requireThat } from "./shape.ts"

/** Steps that take about a millisecond. */
const STEPS_A_ROUND = 1 << 20
const MAX_ROUNDS = 1_000_000
/** Whoever wants more wants it by mistake. */
const MAX_MEBIBYTES = 4_096
const BYTES_A_ROW = 1_024
const MAX_STEPS = 2 ** 40

function burn(rounds: number, seed: number): number {
  let state = seed >>> 0
  for (let step = rounds * STEPS_A_ROUND; step > 0; step -= 1)
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state
}

function requireRounds(kernel: string, rounds: number): void {
  const isCount = Number.isSafeInteger(rounds) && rounds >= 0 && rounds <= MAX_ROUNDS
  requireThat(kernel, isCount, `0 to ${String(MAX_ROUNDS)} rounds`, rounds)
}

interface NumberMemory {
  readonly result: Float64Array
}

/** A number that takes `size * size * iterations` steps to find. */
export const timewaste: Kernel<
  { readonly size: number; readonly iterations: number },
  NumberMemory & { readonly steps: number; readonly round: number },
  number
> = {
  name: "timewaste",
  prepare: (_, { size, iterations }) => {
    const isCount = [size, iterations].every((count) => Number.isSafeInteger(count) && count >= 0)
    const steps = size * size * iterations
    requireThat("timewaste", isCount && steps <= MAX_STEPS, `at most ${String(MAX_STEPS)} steps`, [size, iterations])
    return { steps, round: size * size, result: makeDoubles(1) }
  },
  phases: [
    {
      isSerial: true,
      run: ({ steps, round, result }) => {
        let sum = 0
        for (let step = 0; step < steps; step += 1) sum = (sum * 31 + (step % round)) % 1_000_003
        result[0] = sum
      },
    },
  ],
  finish: ({ result }) => result[0] ?? 0,
}

/** The number itself, after so many rounds of work. */
export const spin: Kernel<
  { readonly value: number; readonly rounds: number },
  NumberMemory & { readonly value: number; readonly rounds: number },
  number
> = {
  name: "spin",
  prepare: (_, { value, rounds }) => {
    requireRounds("spin", rounds)
    return { value, rounds, result: makeDoubles(1) }
  },
  phases: [
    {
      isSerial: true,
      run: ({ value, rounds, result }) => {
        // What the work comes to is a whole number, of which nothing remains.
        result[0] = value + (burn(rounds, 1) % 1)
      },
    },
  ],
  finish: ({ result }) => result[0] ?? 0,
}

export interface BlobParameters {
  readonly seed: number
  readonly mebibytes: number
  readonly rounds: number
}

/** A uint8 picture of so many mebibytes, rows of 1024, whose values follow from the seed. */
export const blob: Kernel<
  BlobParameters,
  { readonly output: Image; readonly seed: number; readonly rounds: number },
  Image
> = {
  name: "blob",
  prepare: (_, { seed, mebibytes, rounds }) => {
    requireRounds("blob", rounds)
    const rows = Math.max(1, Math.round((mebibytes * 2 ** 20) / BYTES_A_ROW))
    requireThat("blob", mebibytes <= MAX_MEBIBYTES, `at most ${String(MAX_MEBIBYTES)} mebibytes`, mebibytes)
    requireThat("blob", Number.isSafeInteger(rows), "a size in mebibytes", mebibytes)
    return { seed, rounds, output: makeImage(plainGrid([BYTES_A_ROW, rows]), "uint8") }
  },
  phases: [
    {
      isSerial: true,
      run: ({ output, seed, rounds }) => {
        const bytes = bytesOf(output)
        burn(rounds, seed)
        let state = seed >>> 0
        for (let at = 0; at < bytes.length; at += 1) {
          state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
          bytes[at] = state >>> 24
        }
      },
    },
  ],
  finish: ({ output }) => output,
}

/** How many voxels it takes into account. */
const SHRUNK_VOXELS = 4_096

/** The sum of an image's first voxels: little of it, whatever its size. */
export const shrink: Kernel<NoParameters, NumberMemory & { readonly image: Image }, number> = {
  name: "shrink",
  prepare: (inputs) => ({ image: requireScalar("shrink", inputs), result: makeDoubles(1) }),
  phases: [
    {
      isSerial: true,
      run: ({ image, result }) => {
        for (const value of image.voxels.subarray(0, SHRUNK_VOXELS)) result[0] = (result[0] ?? 0) + value
      },
    },
  ],
  finish: ({ result }) => result[0] ?? 0,
}
