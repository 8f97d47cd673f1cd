/** Namespace `test`: expressions whose cost and effects are known, to try what computes them. */
import { blob, shrink, spin, timewaste } from "../kernels/trials.ts"
import { describe, image, num, whole } from "./argument.ts"
import { cheap } from "./define.ts"
import { heavy, sized } from "./heavy.ts"
import type { Primitive } from "./primitive.ts"
import { PrimitiveError } from "./primitive-error.ts"

/** The next one is too large for a number. */
const LAST_FIBONACCI = 1_476

export const TRIAL_PRIMITIVES: readonly Primitive[] = [
  cheap("test", "fibonacci(n: number): number", ([n]) => fibonacci(whole(n))),
  heavy(
    "test",
    "timewaste(size: number, iterations: number): number",
    async ([size, iterations], { run }) =>
      await run(timewaste, [], { size: whole(size), iterations: whole(iterations) }),
  ),
  // Computed like what is heavy, so that it is said only where it really is.
  heavy("test", "impure(value: number|boolean|string|sequence): any", ([value = null], { print }) => {
    print(`impure(${JSON.stringify(value)})`)
    return Promise.resolve(value)
  }),
  heavy(
    "test",
    "spin(value: number, rounds: number): number",
    async ([value, rounds], { run }) => await run(spin, [], { value: num(value), rounds: whole(rounds) }),
  ),
  sized(
    heavy(
      "test",
      "blob(seed: number, mebibytes: number, rounds: number): image",
      async ([seed, size, rounds], { run }) =>
        await run(blob, [], { seed: whole(seed), mebibytes: num(size), rounds: whole(rounds) }),
    ),
    ([, size]) => num(size) * 2 ** 20,
  ),
  heavy("test", "shrink(image: image): number", async ([of], { run }) => await run(shrink, [image(of)], {})),
  cheap("test", "demo_data(): sequence", () => [
    ["numbers", [1, 2, 3, 4, 5]],
    ["truth", [true, false]],
    ["text", "data, not a command: rm -rf /"],
    ["nothing", null],
    ["nested", [["deep", [["deeper", ["as it is"]]]]]],
  ]),
]

function fibonacci(n: number): number {
  if (n < 0 || n > LAST_FIBONACCI) {
    const message = `fibonacci is known from 0 to ${String(LAST_FIBONACCI)}, found ${describe(n)}`
    throw new PrimitiveError("ARGUMENT_INVALID", message)
  }
  let [a, b] = [0, 1]
  for (let left = n; left > 0; left -= 1) [a, b] = [b, a + b]
  return a
}
