/** The `imgql` command as people and other programs start it, with a cache of its own in its folder. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const PROGRAM = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url))

export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The lines of stdout, and all of it. */
  readonly out: readonly string[]
  readonly text: string
  readonly err: string
  /** Operations that ran, were joined, and came from the store. */
  readonly counts: readonly [number, number, number] | null
  readonly kernels: number
}

export interface Started {
  readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<Ended>
  /** Resolves once what was written to stdout or stderr so far matches; rejects where it ends before. */
  readonly saw: (pattern: RegExp) => Promise<void>
}

export function startImgql(folder: string, args: readonly string[]): Started {
  const env = { ...process.env, XDG_CACHE_HOME: join(folder, "cache"), IMGQL_STORE: undefined }
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: folder, env })
  const written = { out: "", err: "" }
  const watchers = new Set<() => void>()
  for (const [name, stream] of [
    ["out", child.stdout],
    ["err", child.stderr],
  ] as const) {
    stream.setEncoding("utf8").on("data", (piece: string) => {
      written[name] += piece
      for (const watcher of watchers) watcher()
    })
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code, signal) => resolve({ code, signal, ...describe(written.out), err: written.err }))
  })
  const saw = async (pattern: RegExp): Promise<void> => {
    const isThere = (): boolean => pattern.test(written.out) || pattern.test(written.err)
    const seen = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!isThere()) return
        watchers.delete(look)
        resolve()
      }
      watchers.add(look)
      look()
    })
    const over = ended.then(() => {
      if (!isThere()) throw new Error(`it ended without ${String(pattern)}: ${written.out}${written.err}`)
    })
    await Promise.race([seen, over])
  }
  return { child, ended, saw }
}

export async function runImgql(folder: string, ...args: readonly string[]): Promise<Ended> {
  const { child, ended } = startImgql(folder, args)
  child.stdin.end()
  return await ended
}

function describe(text: string): Pick<Ended, "out" | "text" | "counts" | "kernels"> {
  const out = text.trim().split("\n")
  const pattern = /(\d+) operations? ran in (\d+) kernels?, (\d+) joined, (\d+) from the store/
  const found = pattern.exec(out.at(-1) ?? "")
  const counts = found === null ? null : ([Number(found[1]), Number(found[3]), Number(found[4])] as const)
  return { out, text, counts, kernels: Number(found?.[2]) }
}
