/**
 * `npm run fuzz -- --minutes N [--seed S]`: hostile bytes for that long, half of it on the decoders and half on a live
 * keeper through its socket. The seed is printed, and gives the same bytes again.
 */
import { spawnSync } from "node:child_process"
import { parseArgs } from "node:util"

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" }, seed: { type: "string" } } })
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new Error(`--minutes must be a number above 0, found "${values.minutes}"`)
const half = minutes / 2

const { status } = spawnSync(
  "npx",
  [
    "vitest",
    "run",
    "packages/holdfast/src/stores/embedded/wire/fuzz.test.ts",
    "packages/holdfast/test/hostile",
    "--no-file-parallelism",
    `--testTimeout=${String(Math.ceil(half * 60_000) + 120_000)}`,
  ],
  {
    stdio: "inherit",
    env: {
      ...process.env,
      HOLDFAST_FUZZ_MS: String(half * 60_000),
      HOLDFAST_FUZZ_MINUTES: String(half),
      ...(values.seed === undefined ? {} : { HOLDFAST_SEED: values.seed }),
    },
  },
)
process.exitCode = status ?? 1
