/**
 * Records what processes do to the files of a folder, and what they say, in one order: strace writes down each call as it
 * returns, and marks those that other threads' calls came in between.
 *
 * A write counts from its beginning, a flush from its end and only for what was written before its beginning, and what is
 * said counts from the beginning of saying it: of the orders that may have been, the one that promises the most.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** One step of a recording. Paths are relative to the folder; "" is the folder itself. */
export type DiskStep =
  | { readonly kind: "create"; readonly path: string }
  | { readonly kind: "truncate"; readonly path: string; readonly size: number }
  /** Without an offset it goes to the end of the file. */
  | { readonly kind: "write"; readonly path: string; readonly offset: number | null; readonly bytes: Uint8Array }
  /** Makes durable what the first `covers` steps wrote there. */
  | { readonly kind: "flush"; readonly path: string; readonly covers: number }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "unlink"; readonly path: string }
  | { readonly kind: "said"; readonly line: string }

const CALLS = [
  ..."openat write pwrite64 writev pwritev fsync fdatasync ftruncate truncate".split(" "),
  ..."rename renameat renameat2 link linkat unlink unlinkat copy_file_range sendfile".split(" "),
].join(",")

/** Longer than anything that is written in one call. */
const STRING_BYTES = 64 * 1024 * 1024

/** Null where there is no strace, or it may not look. */
export function canRecord(): boolean {
  return spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0
}

/** Runs node with the arguments to its end and gives what it and its children did in `folder`. */
export function record(folder: string, nodeArguments: readonly string[]): DiskStep[] {
  const aside = mkdtempSync(join(tmpdir(), "holdfast-recording-"))
  const log = join(aside, "log")
  try {
    const trace = [
      "-f",
      "-y",
      "-xx",
      "-s",
      String(STRING_BYTES),
      "-e",
      `trace=${CALLS}`,
      "-e",
      "signal=none",
      "-o",
      log,
    ]
    const { status, stderr } = spawnSync("strace", [...trace, process.execPath, ...nodeArguments], {
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    })
    if (status !== 0) throw new Error(`the recorded program ended with ${String(status)}: ${stderr}`)
    return new Parser(folder).parse(readFileSync(log, "latin1"))
  } finally {
    rmSync(aside, { recursive: true })
  }
}

/** A call that began and has not returned: where it began, and how far it could be read then. */
interface Begun {
  readonly text: string
  readonly at: number
}

class Parser {
  readonly #folder: string
  readonly #steps: DiskStep[] = []
  readonly #begun = new Map<string, Begun>()
  readonly #known = new Set<string>()

  constructor(folder: string) {
    this.#folder = folder
  }

  parse(log: string): DiskStep[] {
    for (const line of log.split("\n")) {
      const found = /^(\d+) +(.*)$/.exec(line)
      if (found !== null) this.#read(String(found[1]), String(found[2]))
    }
    return this.#steps
  }

  #read(thread: string, text: string): void {
    const begins = / <unfinished \.\.\.>$/.exec(text)
    if (begins !== null) {
      const begun = { text: text.slice(0, begins.index), at: this.#steps.length }
      // Its arguments are all there, and what a write or a word is worth counts from now.
      if (/^(write|pwrite64)\(/.test(text)) this.#take(`${begun.text}) = 0`, begun.at)
      else this.#begun.set(thread, begun)
      return
    }
    const resumes = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)
    if (resumes === null) {
      this.#take(text, this.#steps.length)
      return
    }
    const begun = this.#begun.get(thread)
    this.#begun.delete(thread)
    if (begun !== undefined) this.#take(begun.text + String(resumes[1]), begun.at)
  }

  #take(text: string, at: number): void {
    const call = /^(\w+)\((.*)\) += (-?\d+)/s.exec(text)
    if (call === null || Number(call[3]) < 0) return
    const [, name = "", inside = ""] = call
    const parts = splitArguments(inside)
    switch (name) {
      case "openat":
        this.#opened(decode(parts[1]), String(parts[2]))
        break
      case "write":
        if (String(parts[0]).startsWith("1<")) this.#said(bytesOf(parts[1]))
        else this.#wrote(pathOf(parts[0]), null, parts[1])
        break
      case "pwrite64":
        this.#wrote(pathOf(parts[0]), Number(parts[3]), parts[1])
        break
      case "fsync":
      case "fdatasync":
        this.#at(pathOf(parts[0]), (path) => ({ kind: "flush", path, covers: at }))
        break
      case "ftruncate":
        this.#at(pathOf(parts[0]), (path) => ({ kind: "truncate", path, size: Number(parts[1]) }))
        break
      case "rename":
        this.#renamed(decode(parts[0]), decode(parts[1]))
        break
      case "unlink":
        this.#unlinked(decode(parts[0]))
        break
      case "unlinkat":
        this.#unlinked(decode(parts[1]))
        break
      default:
        // Nothing in the folder may be changed in a way that is not understood here.
        if (inside.includes(encode(this.#folder))) throw new Error(`a call that is not understood: ${name}`)
    }
  }

  #opened(path: string, flags: string): void {
    if (!flags.includes("O_CREAT")) return
    this.#at(path, (inside) => {
      if (!this.#known.has(inside)) {
        this.#known.add(inside)
        return { kind: "create", path: inside }
      }
      return flags.includes("O_TRUNC") ? { kind: "truncate", path: inside, size: 0 } : null
    })
  }

  #wrote(path: string, offset: number | null, argument: string | undefined): void {
    this.#at(path, (inside) => ({ kind: "write", path: inside, offset, bytes: bytesOf(argument) }))
  }

  #renamed(from: string, to: string): void {
    const target = this.#inside(to)
    this.#at(from, (inside) => {
      if (target === null) throw new Error(`"${inside}" was moved out of the folder`)
      this.#known.delete(inside)
      this.#known.add(target)
      return { kind: "rename", from: inside, to: target }
    })
  }

  #unlinked(path: string): void {
    this.#at(path, (inside) => {
      this.#known.delete(inside)
      return { kind: "unlink", path: inside }
    })
  }

  #said(bytes: Uint8Array): void {
    for (const line of Buffer.from(bytes).toString("utf8").split("\n")) {
      // A loader that compiles the program first talks to a process of its own over a pipe of the same number.
      if (line.startsWith("{")) this.#steps.push({ kind: "said", line })
    }
  }

  #at(path: string, step: (inside: string) => DiskStep | null): void {
    const inside = this.#inside(path)
    const made = inside === null ? null : step(inside)
    if (made !== null) this.#steps.push(made)
  }

  /** The path within the folder; null for others, and for what says nothing after a crash: locks, and the log's index. */
  #inside(path: string): string | null {
    if (path === this.#folder) return ""
    if (!path.startsWith(`${this.#folder}/`)) return null
    const inside = path.slice(this.#folder.length + 1)
    return inside.endsWith(".lock") || inside.endsWith("-shm") ? null : inside
  }
}

/** Strings are hexadecimal throughout, so every comma stands between arguments. */
function splitArguments(inside: string): string[] {
  return inside.split(", ")
}

function pathOf(argument: string | undefined): string {
  return decode(/<(.*)>/.exec(String(argument))?.[1] ?? "").replace(/ \(deleted\)$/, "")
}

function decode(argument: string | undefined): string {
  return Buffer.from(bytesOf(argument)).toString("utf8")
}

function bytesOf(argument: string | undefined): Uint8Array {
  return Buffer.from(String(argument).replaceAll(/["\\x]/g, ""), "hex")
}

function encode(path: string): string {
  return [...Buffer.from(path)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")
}
