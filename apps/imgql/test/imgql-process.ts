/** The `imgql` command as people and other programs start it. */
import { type ChildProcess, execFile } from "node:child_process"
import { fileURLToPath } from "node:url"

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

export function startImgql(folder: string, args: readonly string[]): Started {
  let settle: (ended: Ended) => void
  const ended = new Promise<Ended>((resolve) => {
    settle = resolve
  })
  const child = execFile(process.execPath, [PROGRAM, ...args], { cwd: folder }, (_, out, err) => {
    const lines = out.trim().split("\n")
    const found = /(\d+) operations ran in (\d+) kernels, (\d+) were joined, (\d+) came from the store/.exec(
      lines.at(-1) ?? "",
    )
    const counts = found === null ? null : ([Number(found[1]), Number(found[3]), Number(found[4])] as const)
    settle({ code: child.exitCode, out: lines, err, counts, kernels: Number(found?.[2]) })
  })
  return { child, ended }
}

export async function runImgql(folder: string, ...args: readonly string[]): Promise<Ended> {
  return await startImgql(folder, args).ended
}
