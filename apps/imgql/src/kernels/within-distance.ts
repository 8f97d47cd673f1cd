/**
 * Which voxels a mask is nearer to than a limit, without the distances: what `dt` and a comparison with a number above 0 come to, bit for bit.
 *
 * From outside, the nearest voxel of a mask is one of its border, so that what is near is the mask grown by a ball: rows of
 * bits, spread along x by each reach of the ball and put together, 128 voxels at once.
 */
import type { Image } from "../image/image.ts"
import { type Ball, ballOf } from "./ball.ts"
import { makeBits, wordsOf } from "./bits.ts"
import { NOWHERE, packMask } from "./distance.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import type { Selection } from "./selection.ts"
import { stepOf } from "./selection.ts"
import type { Shape } from "./shape.ts"
import { bytesOf, makeImage, requireScalar, requireThat, shapeOf } from "./shape.ts"
import { layOut } from "./simd.ts"

/** What voxels nearer than a limit are, and all others. */
export interface DistanceLimit {
  readonly ball: Ball
  readonly near: number
  readonly far: number
}

/** A selection of the distances to a mask on that grid as a limit; null where it is none, or is found by the distances faster. */
export function distanceLimitOf(mask: Image, selection: Selection): DistanceLimit | null {
  const step = stepOf("float32", selection)
  if (step === null || !(step.limit > 0 && step.limit <= NOWHERE)) return null
  const ball = ballOf(mask, step.limit)
  return ball === null ? null : { ball, near: step.below, far: step.above }
}

interface Memory {
  readonly input: Image
  readonly shape: Shape
  readonly words: number
  readonly bits: Int32Array
  readonly ball: Ball
  readonly near: number
  readonly far: number
  readonly output: Image
}

/** Bytes of a vector. */
const VECTOR = 16

function spreadPart({ shape, words, bits, ball, near, far, output }: Memory, part: number, parts: number): void {
  const { nx, ny, nz } = shape
  const { from, to } = shareOf(nz, part, parts)
  if (from === to) return
  const [reachY, reachZ] = [Math.max(...ball.map(({ y }) => y)), Math.max(...ball.map(({ z }) => z))]
  const rowBytes = Math.ceil((words * 4) / VECTOR) * VECTOR
  // Slices and rows beyond the edge are there, and empty.
  const sliceBytes = rowBytes * (ny + 2 * reachY)
  const slices = to - from + 2 * reachZ
  const groups = groupsOf(ball)
  const {
    loops,
    bytes,
    words: ints,
    places,
  } = layOut(slices * sliceBytes, ny * nx, ball.length * 4, groups.length * 8, rowBytes)
  const [bitsAt, outputAt, offsetsAt, groupsAt, lineAt] = places as unknown as Places
  ints.fill(0, bitsAt / 4, (bitsAt + slices * sliceBytes) / 4)
  for (let z = Math.max(0, from - reachZ); z < Math.min(nz, to + reachZ); z += 1) {
    const slice = bitsAt + (z - from + reachZ) * sliceBytes + reachY * rowBytes
    for (let y = 0; y < ny; y += 1) {
      const row = (z * ny + y) * words
      ints.set(bits.subarray(row, row + words), (slice + y * rowBytes) / 4)
    }
  }
  ints.set(
    ball.map(({ y, z }) => z * sliceBytes + y * rowBytes),
    offsetsAt / 4,
  )
  ints.set(groups.flat(), groupsAt / 4)
  const voxels = bytesOf(output)
  for (let z = from; z < to; z += 1) {
    const slice = bitsAt + (z - from + reachZ) * sliceBytes + reachY * rowBytes
    const by = [offsetsAt, groupsAt, groups.length, lineAt, rowBytes, ny, nx, near, far] as const
    loops.spreadSlice(slice, outputAt, ...by)
    voxels.set(bytes.subarray(outputAt, outputAt + ny * nx), z * ny * nx)
  }
}

// One for every size that is asked for.
type Places = readonly [number, number, number, number, number]

/** How many stretches reach equally far, and how much farther than the next ones, which are spread by the rest. */
function groupsOf(ball: Ball): (readonly [count: number, spread: number])[] {
  const reaches = [...new Set(ball.map(({ reach }) => reach))]
  return reaches.map((reach, at) => [
    ball.filter((stretch) => stretch.reach === reach).length,
    reach - (reaches[at + 1] ?? 0),
  ])
}

export const withinDistance: Kernel<DistanceLimit, Memory, Image> = {
  name: "withinDistance",
  prepare: (inputs, { ball, near, far }) => {
    const input = requireScalar("withinDistance", inputs)
    requireThat("withinDistance", ball.length > 0, "a ball with a voxel at least", ball.length)
    const shape = shapeOf(input)
    return {
      input,
      shape,
      words: wordsOf(shape),
      bits: makeBits(shape),
      ball,
      near,
      far,
      output: makeImage(input, "uint8"),
    }
  },
  phases: [
    {
      run: ({ input, bits, shape }, part, parts) => packMask(input, bits, shareOf(shape.rows, part, parts)),
    },
    { run: spreadPart },
  ],
  finish: ({ output }) => output,
}
