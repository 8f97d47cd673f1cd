import type { Image } from "../src/image/image.ts"
import type { Kernel } from "../src/kernels/kernel.ts"

/**
 * Runs a kernel as threads do: every part sees the arrays in shared memory and a copy of all else, and parts of a phase run
 * in an order nobody may rely on.
 */
export function runApart<Parameters, Memory, Result>(
  kernel: Kernel<Parameters, Memory, Result>,
  inputs: readonly Image[],
  parameters: Parameters,
  parts: number,
): Result {
  const memory = kernel.prepare(inputs, parameters, parts)
  const rounds = kernel.rounds?.(memory) ?? 1
  for (let round = 0; round < rounds; round += 1) {
    for (const phase of kernel.phases) {
      const count = phase.isSerial === true ? 1 : parts
      for (let part = count - 1; part >= 0; part -= 1) phase.run(structuredClone(memory), part, parts, round)
    }
  }
  return kernel.finish(memory)
}
