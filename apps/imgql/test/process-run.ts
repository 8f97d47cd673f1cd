/** `imgql run` as a process of its own, which can be killed and stopped. */
import { type ChildProcess, execFile } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { onTestFinished } from "vitest"

const PROGRAM = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url))

export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null
  readonly out: readonly string[]
  readonly err: string
  /** Operations that ran, were joined, and came from the store. */
  readonly counts: readonly [number, number, number] | null
  readonly kernels: number
}

export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
}

const FILE = "program.imgql"

/** Runs the program that lies in the folder. */
export async function run(folder: string, ...args: readonly string[]): Promise<Ended> {
  return await start(folder, FILE, args).ended
}

/** Writes a program and starts it. */
export function startProgram(folder: string, program: string, args: readonly string[] = [], file = FILE): Started {
  writeFileSync(join(folder, file), program)
  return start(folder, file, args)
}

/** Starts a program that lies in the folder; it is killed at the end of the test, if it is still there. */
export function start(folder: string, file = FILE, args: readonly string[] = []): Started {
  let settle: (ended: Ended) => void
  const ended = new Promise<Ended>((resolve) => {
    settle = resolve
  })
  const argv = [PROGRAM, "run", file, ...args]
  const child = execFile(process.execPath, argv, { cwd: folder }, (_, out, err) => {
    const lines = out.trim().split("\n")
    const found = /(\d+) operations ran in (\d+) kernels, (\d+) were joined, (\d+) came from the store/.exec(
      lines.at(-1) ?? "",
    )
    const counts = found === null ? null : ([Number(found[1]), Number(found[3]), Number(found[4])] as const)
    settle({ code: child.exitCode, out: lines, err, counts, kernels: Number(found?.[2]) })
  })
  onTestFinished(() => void child.kill("SIGKILL"))
  return { child, ended }
}
