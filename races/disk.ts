/** Files, with the few calls of a file system that programs need: in memory for an exploration, in a folder for real. */
import { readdir, readFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type Access, reads, type ScenarioContext, writes } from "holdfast/race"

/** A folder's files, by name. */
export interface Disk {
  /** @throws Error ENOENT */
  read(path: string): Promise<string>
  write(path: string, text: string): Promise<void>
  /** @throws Error ENOENT */
  rename(from: string, to: string): Promise<void>
  /** The names of all files, sorted. */
  list(): Promise<string[]>
}

class MemoryDisk implements Disk {
  readonly #files = new Map<string, string>()

  async read(path: string): Promise<string> {
    return await Promise.resolve(this.#get(path, `open '${path}'`))
  }

  async write(path: string, text: string): Promise<void> {
    this.#files.set(path, text)
    await Promise.resolve()
  }

  async rename(from: string, to: string): Promise<void> {
    this.#files.set(to, this.#get(from, `rename '${from}' -> '${to}'`))
    this.#files.delete(from)
    await Promise.resolve()
  }

  async list(): Promise<string[]> {
    return await Promise.resolve([...this.#files.keys()].toSorted())
  }

  #get(path: string, call: string): string {
    const text = this.#files.get(path)
    if (text === undefined) throw new Error(`ENOENT: no such file or directory, ${call}`)
    return text
  }
}

/** A disk in memory, each call of which is a step of the actor that makes it. */
export function createDisk({ wrap }: ScenarioContext): Disk {
  return wrap<Disk>(new MemoryDisk(), { name: "disk", touches: touchesOf })
}

function touchesOf(method: string, args: readonly unknown[]): readonly Access[] {
  const [path = "", text = null] = args.filter((arg) => typeof arg === "string")
  if (method === "read") return [reads(`file ${path}`)]
  if (method === "list") return [reads("names of files")]
  if (method === "write") return [{ ...writes(`file ${path}`), value: text }, writes("names of files")]
  return [writes(`file ${path}`), writes(`file ${text ?? ""}`), writes("names of files")]
}

/** The files of a real folder. */
export function openDisk(folder: string): Disk {
  return {
    read: async (path) => await readFile(join(folder, path), "utf8"),
    async write(path, text) {
      await writeFile(join(folder, path), text)
    },
    rename: async (from, to) => {
      await rename(join(folder, from), join(folder, to))
    },
    async list() {
      const entries = await readdir(folder, { withFileTypes: true })
      return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).toSorted()
    },
  }
}
