/** `imgql run` as a process of its own, as a user starts it, with what it says of itself. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const PROGRAM = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url))

export interface CommandRun {
  /** From the start of the process to its end. */
  readonly wallMs: number
  readonly nodes: number
  readonly ran: number
  readonly stored: number
  readonly kernels: number
}

/** What `--json` says, as far as it is used here. */
interface Report {
  readonly nodes: number
  readonly cache: { readonly ran: number; readonly stored: number; readonly kernels: number }
  readonly execution: { readonly success: boolean }
}

export function runCommand(folder: string, program: string, args: readonly string[] = []): CommandRun {
  writeFileSync(join(folder, "bench.imgql"), program)
  const startedMs = performance.now()
  const argv = [PROGRAM, "run", "bench.imgql", "--json", "--store", "file:.imgql", ...args]
  const { stdout, stderr } = spawnSync(process.execPath, argv, { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 30 })
  const wallMs = performance.now() - startedMs
  // What the command prints for programs, in the same version of this package.
  const { nodes, cache, execution } = JSON.parse(stdout) as Report
  if (!execution.success) throw new Error(`imgql failed: ${stderr}${stdout}`)
  return { wallMs, nodes, ran: cache.ran, stored: cache.stored, kernels: cache.kernels }
}

/** A folder for one benchmark, gone afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T> | T): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "imgql-bench-"))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Forgets what was computed, so that the next run is cold. */
export function forget(folder: string): void {
  rmSync(join(folder, ".imgql"), { recursive: true, force: true })
}
