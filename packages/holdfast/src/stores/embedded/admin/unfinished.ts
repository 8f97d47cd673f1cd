/**
 * What a command has on the disk while it works, under a name of its own, and must not leave behind.
 *
 *     begun ──end(), SIGINT, SIGTERM, SIGHUP, the process exits──▶ removed
 *       └──SIGKILL──▶ left, until another command works on that store
 *
 * 1. Within a store's folder the name has the id of a client whose sign of life is held meanwhile: what is under way is told
 *    from what was left by the system's locks, whatever else has the store open.
 */
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { Env } from "../../../env/index.ts"
import { type ClientId, ClientLock, isAlive } from "../folder/client-lock.ts"
import { type Folder, restoreLockFiles } from "../folder/folder.ts"
import { systemCode } from "../folder/unavailable.ts"

/** What is worked on within a store's folder. */
export type Work = "backup" | "export" | "import"

const NAME = /^(?:backup|export|import)-([\w-]+)$/

/** Those that end a process unless it listens. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const

export class Unfinished {
  static readonly #begun = new Set<Unfinished>()
  readonly path: string
  readonly #life: ClientLock | null

  private constructor(path: string, life: ClientLock | null) {
    this.path = path
    this.#life = life
    if (Unfinished.#begun.size === 0) listen()
    Unfinished.#begun.add(this)
  }

  /** A path nobody else uses. Nothing is there yet. */
  static at(path: string): Unfinished {
    return new Unfinished(path, null)
  }

  /**
   * A path within a store's folder, where what others left is removed first.
   *
   * @throws HoldfastError STORE_UNAVAILABLE where the folder's files are not ours to write
   */
  static inStore(folder: Folder, env: Env, work: Work): Unfinished {
    clearUnfinished(folder, env)
    const life = ClientLock.take(folder, env)
    return new Unfinished(join(folder.path, `${work}-${life.id}`), life)
  }

  /** Removes it, where it is still there. Idempotent. */
  end(): void {
    try {
      rmSync(this.path, { recursive: true, force: true })
    } catch (error) {
      // Where a file is in its way, nothing was ever there.
      if (systemCode(error) !== "ENOTDIR") throw error
    } finally {
      this.#life?.close()
      Unfinished.#begun.delete(this)
      if (Unfinished.#begun.size === 0) stopListening()
    }
  }

  /** Removes all there is, as this process is about to end. */
  static endAll(): void {
    for (const each of Unfinished.#begun) each.end()
  }
}

/** The names of what was left in the store's folder by commands that were killed. */
export function findUnfinished(folder: Folder, env: Env): readonly string[] {
  return readdirSync(folder.path).filter((name) => {
    const id = NAME.exec(name)?.[1]
    // Brand constructor: any other id is nobody's, and as dead as one that died.
    return id !== undefined && !isAlive(folder, env, id as ClientId)
  })
}

/** Removes what commands that were killed left in the store's folder; answers with how many. */
export function clearUnfinished(folder: Folder, env: Env): number {
  restoreLockFiles(folder)
  const names = findUnfinished(folder, env)
  for (const name of names) rmSync(join(folder.path, name), { recursive: true, force: true })
  return names.length
}

/** Only while there is something: a signal that is listened to waits for whatever computes. */
function listen(): void {
  process.on("exit", endAll)
  for (const signal of SIGNALS) process.on(signal, endBy)
}

function stopListening(): void {
  process.off("exit", endAll)
  for (const signal of SIGNALS) process.off(signal, endBy)
}

function endAll(): void {
  Unfinished.endAll()
}

/** With nobody listening any more, the signal does what it would have done. */
function endBy(signal: NodeJS.Signals): void {
  endAll()
  process.kill(process.pid, signal)
}
