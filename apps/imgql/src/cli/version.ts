/** The version of imgql, as its package has it. */
import { readFileSync } from "node:fs"

export const VERSION: string = readVersion()

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
  const isNamed = typeof manifest === "object" && manifest !== null && "version" in manifest
  return isNamed ? String(manifest.version) : "unknown"
}
