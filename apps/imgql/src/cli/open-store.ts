/** Opens the store a command works on, which loads what stores are made of; or while the command is still being loaded itself. */
import { existsSync } from "node:fs"
import { dirname } from "node:path"
import { type Holdfast, open } from "holdfast"
import { isFileError } from "../files/file-error.ts"
import { makeFolder } from "../files/make-folder.ts"
import { CommandError } from "./command-error.ts"
import { folderOf } from "./store-place.ts"

/** What a new store keeps of images before it forgets those that were not asked for the longest. */
const FIRST_BUDGET_BYTES = 20 * 1024 ** 3

export interface StoreOptions {
  readonly url: string
  /** Relative folders are meant from here. */
  readonly folder: string
  readonly label: string
  /** Undefined leaves what the store has. */
  readonly maxCacheBytes?: number | null | undefined
}

/** What people see of a program's run where the sessions of a store are listed. */
export function labelOf(file: string): string {
  return `imgql ${file}`
}

/** @throws HoldfastError where the store cannot be opened */
export async function openStore({ url, folder, label, maxCacheBytes }: StoreOptions): Promise<Holdfast> {
  const place = folderOf(url, folder)
  if (place === null) return await open(url, { label })
  const budget = maxCacheBytes === undefined && !existsSync(place) ? FIRST_BUDGET_BYTES : maxCacheBytes
  makePlace(dirname(place))
  return await open(`file:${place}`, { label, ...(budget === undefined ? {} : { blobBudgetBytes: budget }) })
}

/** @throws CommandError E_STORE where it cannot be made */
function makePlace(folder: string): void {
  try {
    makeFolder(folder, 0o700)
  } catch (error) {
    if (!isFileError(error)) throw error
    const message = `there is no place for a store: ${error.message}; name one with --store file:FOLDER, or run with --no-cache`
    throw new CommandError("E_STORE", message, { cause: error })
  }
}

/**
 * A store that is opened before it is known to be needed: its keeper's thread loads what it is made of while the command
 * loads what programs are made of. One that is not there yet is not made like that: programs that are not right make none.
 *
 *     opening ──take()──▶ the caller's to close
 *        └──leave()──▶ closed
 */
export class StoreAhead {
  #opening: Promise<Holdfast> | null

  private constructor(opening: Promise<Holdfast>) {
    this.#opening = opening
    // Whoever takes it is told; where nobody does, that it could not be opened is no news.
    opening.catch(ignore)
  }

  /** Null where there is no such store yet. */
  static open(options: StoreOptions): StoreAhead | null {
    const place = folderOf(options.url, options.folder)
    return place !== null && existsSync(place) ? new StoreAhead(openStore(options)) : null
  }

  /** The store, once. @throws HoldfastError where it could not be opened */
  async take(): Promise<Holdfast> {
    const opening = this.#opening
    if (opening === null) throw new Error("a store that was opened ahead is taken once")
    this.#opening = null
    return await opening
  }

  /** Closes it, unless it was taken. */
  async leave(): Promise<void> {
    const opening = this.#opening
    this.#opening = null
    const store = await opening?.catch(ignore)
    await store?.close()
  }
}

function ignore(): undefined {
  return undefined
}
