// Which version of a package is installed, read from its own package.json.
//
// Many packages do not export "./package.json", so the folders that Node would search are walked instead.

import { existsSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"

export function installedVersion(packageName: string): string {
  const folders = createRequire(import.meta.url).resolve.paths(packageName) ?? []
  for (const folder of folders) {
    const file = join(folder, packageName, "package.json")
    if (existsSync(file)) {
      const { version }: { version?: unknown } = JSON.parse(readFileSync(file, "utf8"))
      return String(version)
    }
  }
  throw new Error(
    `expected "${packageName}" in node_modules, found it in none of ${folders.length} folders; run npm ci`,
  )
}
