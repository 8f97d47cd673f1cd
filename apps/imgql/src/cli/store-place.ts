/** Which store a command works on: where it is unless somebody says so, and what a URL of one looks like. */
import { existsSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, isAbsolute, join, resolve } from "node:path"
import { type Holdfast, open } from "holdfast"
import { isFileError } from "../files/file-error.ts"
import { makeFolder } from "../files/make-folder.ts"
import { CommandError } from "./command-error.ts"

/** What a new store keeps of images before it forgets those that were not asked for the longest. */
const FIRST_BUDGET_BYTES = 20 * 1024 ** 3

/** `file:` in the user's folder for what can be made again (XDG Base Directory): the same for all programs of a user. */
export function defaultStore(env: Readonly<Record<string, string | undefined>>): string {
  const named = env["XDG_CACHE_HOME"]
  // By the convention, one that is not absolute does not count.
  const caches = named !== undefined && isAbsolute(named) ? named : join(homedir(), ".cache")
  return `file:${join(caches, "imgql", "store")}`
}

/** Refuses what names no store. @throws CommandError E_USAGE */
export function checkStore(url: string): void {
  if (url.startsWith("memory:") || /^file:./.test(url)) return
  const guess =
    url === "" || url.startsWith("file:") || /^[a-z]+:\/\//i.test(url) ? "" : `; did you mean "file:${url}"?`
  const message = `--store takes file:FOLDER, memory: or memory:NAME, found ${JSON.stringify(url)}${guess}`
  throw new CommandError("E_USAGE", message)
}

export interface StoreOptions {
  readonly url: string
  /** Relative folders are meant from here. */
  readonly folder: string
  readonly label: string
  /** Undefined leaves what the store has. */
  readonly maxCacheBytes?: number | null | undefined
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

/** The folder of a store; null for one in memory. */
export function folderOf(url: string, folder: string): string | null {
  return url.startsWith("file:") ? resolve(folder, url.slice("file:".length)) : null
}
