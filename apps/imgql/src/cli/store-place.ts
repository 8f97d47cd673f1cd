/** Which store a command works on: where it is unless somebody says so, and what a URL of one looks like. */
import { homedir } from "node:os"
import { isAbsolute, join, resolve } from "node:path"
import { CommandError } from "./command-error.ts"

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

/** The folder of a store; null for one in memory. */
export function folderOf(url: string, folder: string): string | null {
  return url.startsWith("file:") ? resolve(folder, url.slice("file:".length)) : null
}
