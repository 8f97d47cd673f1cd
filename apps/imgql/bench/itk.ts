/** The programs in `itk/`, built where ITK is installed (on Debian: libinsighttoolkit5-dev and cmake). */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const SOURCE = fileURLToPath(new URL("itk", import.meta.url))
const BUILD = fileURLToPath(new URL("../.cache/itk", import.meta.url))

/** Null, and why on the console, where they cannot be built. */
export function buildItk(): ((program: "kernels" | "recipe", args: readonly string[]) => readonly string[][]) | null {
  for (const args of [
    ["-S", SOURCE, "-B", BUILD],
    ["--build", BUILD],
  ]) {
    const { status, stderr, error } = spawnSync("cmake", args, { encoding: "utf8" })
    if (status === 0) continue
    const why = (error?.message ?? stderr).trim().split("\n").slice(0, 5).join("\n")
    console.log(`Without ITK: it takes cmake and libinsighttoolkit5-dev to build what it is measured with.\n${why}\n`)
    return null
  }
  return (program, args) => {
    const { status, stdout, stderr } = spawnSync(join(BUILD, program), args, { encoding: "utf8" })
    if (status !== 0) throw new Error(`${program} of ITK ended with ${String(status)}: ${stderr}`)
    return stdout
      .trim()
      .split("\n")
      .map((line) => line.split("\t"))
  }
}
