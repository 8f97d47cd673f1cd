/**
 * Kernels: computations on images that any number of threads can share.
 *
 * A kernel is a list of phases over one memory. A phase is cut into parts that touch different things, so that they can run
 * at once on any threads; a phase starts when the one before it has ended. The memory is plain data and typed arrays on
 * shared memory: whoever runs a part gets a copy of the plain data and the very same arrays. So whatever a phase leaves
 * for the next one, or for `finish`, it leaves in an array.
 */
import type { Image } from "../image/image.ts"

/** One step of a kernel. */
export interface Phase<Memory> {
  /** Runs as one part: it puts together what the parts before it found. */
  readonly isSerial?: boolean
  /** `round` counts from 0 if the phases are gone through more than once. */
  run(memory: Memory, part: number, parts: number, round: number): void
}

/** Those of a kernel that only takes images. */
export type NoParameters = Readonly<Record<string, never>>

export interface Kernel<Parameters, Memory, Result> {
  /** One of a kind in the catalog: threads find the kernel by it. */
  readonly name: string
  /**
   * Checks what it is given and makes the memory, the output included.
   * @throws KernelError KERNEL_INPUT_INVALID
   */
  prepare(inputs: readonly Image[], parameters: Parameters, parts: number): Memory
  readonly phases: readonly Phase<Memory>[]
  /** How often the phases are gone through; once if it is left out. */
  rounds?(memory: Memory): number
  finish(memory: Memory): Result
}

/** Fewer voxels than this are not worth the way to another thread and back. */
const VOXELS_A_PART = 32_768

/** Several parts a thread: when one thread is slow, the others take more of them. */
const PARTS_A_THREAD = 4

/** In how many parts that many threads share that many voxels. */
export function countParts(voxels: number, threads: number): number {
  if (threads === 1) return 1
  return Math.max(1, Math.min(threads * PARTS_A_THREAD, Math.floor(voxels / VOXELS_A_PART)))
}

/** The half-open range of `count` things that is the business of one part. */
export interface Share {
  readonly from: number
  readonly to: number
}

export function shareOf(count: number, part: number, parts: number): Share {
  return { from: Math.floor((count * part) / parts), to: Math.floor((count * (part + 1)) / parts) }
}

/** Runs a kernel to its end on the calling thread. */
export function runHere<Parameters, Memory, Result>(
  kernel: Kernel<Parameters, Memory, Result>,
  inputs: readonly Image[],
  parameters: Parameters,
  parts = 1,
): Result {
  const memory = kernel.prepare(inputs, parameters, parts)
  runPhases(kernel, memory, parts)
  return kernel.finish(memory)
}

/** All phases of all rounds, one part after the other. */
export function runPhases<Parameters, Memory, Result>(
  kernel: Kernel<Parameters, Memory, Result>,
  memory: Memory,
  parts: number,
): void {
  const rounds = kernel.rounds?.(memory) ?? 1
  for (let round = 0; round < rounds; round += 1) {
    for (const phase of kernel.phases) {
      const count = phase.isSerial === true ? 1 : parts
      for (let part = 0; part < count; part += 1) phase.run(memory, part, parts, round)
    }
  }
}
