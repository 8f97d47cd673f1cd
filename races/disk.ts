/** Files in memory, with the calls of a file system that the broken programs need: each is a step of its own. */
import { type Access, reads, type ScenarioContext, writes } from "holdfast/race"

export class Disk {
  readonly #files = new Map<string, string>()

  async read(path: string): Promise<string> {
    const text = this.#files.get(path)
    if (text === undefined) throw new Error(`ENOENT: no such file, open '${path}'`)
    return await Promise.resolve(text)
  }

  async write(path: string, text: string): Promise<void> {
    this.#files.set(path, text)
    await Promise.resolve()
  }

  async rename(from: string, to: string): Promise<void> {
    this.#files.set(to, await this.read(from))
    this.#files.delete(from)
  }

  /** What lies there, for the check at the end. */
  list(): string[] {
    return [...this.#files.keys()].toSorted()
  }
}

/** A disk each call of which is a step of the actor that makes it. */
export function createDisk({ wrap }: ScenarioContext): Disk {
  return wrap(new Disk(), { name: "disk", methods: ["read", "write", "rename"], touches: touchesOf })
}

function touchesOf(method: string, args: readonly unknown[]): readonly Access[] {
  const paths = args.filter((arg) => typeof arg === "string")
  if (method === "read") return [reads(`file ${paths[0] ?? ""}`)]
  if (method === "write") return [{ ...writes(`file ${paths[0] ?? ""}`), value: paths[1] ?? null }]
  return paths.map((path) => writes(`file ${path}`))
}
