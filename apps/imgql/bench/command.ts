/** `imgql run` as a process of its own, as a user starts it, with what it says of itself. */
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const PROGRAM = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url))

/** Writes what the process's threads took together, in milliseconds, where nobody else writes. */
const TELL_CPU = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from "node:fs"
  process.on("exit", () => { const { user, system } = process.cpuUsage(); writeSync(3, String((user + system) / 1000)) })`)}`

export interface CommandRun {
  /** From the start of the process to its end. */
  readonly wallMs: number
  /** Of all threads of the process together. */
  readonly cpuMs: number
  readonly nodes: number
  readonly ran: number
  readonly joined: number
  readonly stored: number
  readonly kernels: number
}

/** What `--json` says, as far as it is used here. */
interface Report {
  readonly nodes: number
  readonly cache: { readonly ran: number; readonly joined: number; readonly stored: number; readonly kernels: number }
  readonly execution: { readonly success: boolean }
}

export function runCommand(folder: string, program: string, args: readonly string[] = []): CommandRun {
  const argv = argvOf(folder, program, args)
  const startedMs = performance.now()
  const { output } = spawnSync(process.execPath, argv, {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 30,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  })
  const wallMs = performance.now() - startedMs
  const [, out, err, cpu] = output
  return { wallMs, ...readReport(out ?? "", err ?? "", cpu ?? "") }
}

/** As many processes of one program at the same time. */
export async function runTogether(
  folder: string,
  program: string,
  { count, args }: { readonly count: number; readonly args: readonly string[] },
): Promise<readonly CommandRun[]> {
  const argv = argvOf(folder, program, args)
  return await Promise.all(Array.from({ length: count }, async () => await runBeside(folder, argv)))
}

async function runBeside(folder: string, argv: readonly string[]): Promise<CommandRun> {
  const startedMs = performance.now()
  const child = spawn(process.execPath, argv, { cwd: folder, stdio: ["ignore", "pipe", "pipe", "pipe"] })
  const texts = await Promise.all(
    child.stdio.slice(1).map(async (stream) => {
      let text = ""
      // What it writes is read until it ends.
      for await (const piece of (stream as NodeJS.ReadableStream).setEncoding("utf8")) text += String(piece)
      return text
    }),
  )
  const [out = "", err = "", cpu = ""] = texts
  return { wallMs: performance.now() - startedMs, ...readReport(out, err, cpu) }
}

function argvOf(folder: string, program: string, args: readonly string[]): string[] {
  writeFileSync(join(folder, "bench.imgql"), program)
  return ["--import", TELL_CPU, PROGRAM, "run", "bench.imgql", "--json", "--store", "file:.imgql", ...args]
}

function readReport(out: string, err: string, cpu: string): Omit<CommandRun, "wallMs"> {
  // What the command prints for programs, in the same version of this package.
  const { nodes, cache, execution } = JSON.parse(out) as Report
  if (!execution.success) throw new Error(`imgql failed: ${err}${out}`)
  const { ran, joined, stored, kernels } = cache
  return { cpuMs: Number(cpu), nodes, ran, joined, stored, kernels }
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
