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
  /** The names of all files, sorted, for the check at the end. */
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
    if (text !== undefined) return text
    throw Object.assign(new Error(`ENOENT: no such file or directory, ${call}`), { code: "ENOENT" })
  }
}

/** A disk in memory, each call of which is a step of the actor that makes it. */
export function createDisk({ wrap }: ScenarioContext): Disk {
  return wrap<Disk>(new MemoryDisk(), { name: "disk", methods: ["read", "write", "rename"], touches: touchesOf })
}

function touchesOf(method: string, args: readonly unknown[]): readonly Access[] {
  const paths = args.filter((arg) => typeof arg === "string")
  if (method === "read") return [reads(`file ${paths[0] ?? ""}`)]
  if (method === "write") return [{ ...writes(`file ${paths[0] ?? ""}`), value: paths[1] ?? null }]
  return paths.map((path) => writes(`file ${path}`))
}

/** What the file says, or undefined where there is none. */
export async function readIfThere(disk: Disk, path: string): Promise<string | undefined> {
  try {
    return await disk.read(path)
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
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
