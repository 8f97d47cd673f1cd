/**
 * Adds to package-lock.json the optional packages npm left out because the registry it installed from does not carry
 * every platform's build. `npm ci` refuses a lock file without them, also where they are not wanted. An entry added
 * here has no checksum; npm only ever fetches it on the platform its name says.
 */
import { readFileSync, writeFileSync } from "node:fs"

interface Entry {
  readonly version?: string
  readonly dev?: boolean
  readonly license?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"]
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"]
const FILE = "package-lock.json"

// Written by npm; a lock file of another shape fails below.
const lock = JSON.parse(readFileSync(FILE, "utf8")) as { packages: Record<string, object> }
const entries: [string, Entry][] = Object.entries(lock.packages)

const missing = entries.flatMap(([parent, entry]) =>
  Object.entries(entry.optionalDependencies ?? {})
    .filter(([name]) => !isLocked(name, parent))
    .map(([name, version]): [string, object] => [`node_modules/${name}`, describePackage(name, version, entry)]),
)
const sorted = [...entries, ...missing].toSorted(([a], [b]) => a.localeCompare(b, "en"))
writeFileSync(FILE, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`)
console.log(`added ${missing.length} packages to ${FILE}`)

function isLocked(name: string, parent: string): boolean {
  return `node_modules/${name}` in lock.packages || `${parent}/node_modules/${name}` in lock.packages
}

function describePackage(name: string, version: string, parent: Entry): object {
  const words = name.split(/[/-]/)
  const system = SYSTEMS.find((word) => words.includes(word))
  const processor = PROCESSORS.find((word) => words.includes(word))
  if (system === undefined || processor === undefined) throw new Error(`"${name}" names no platform; add it by hand`)
  const libc = system === "linux" ? { libc: [/-musl/.test(name) ? "musl" : "glibc"] } : {}
  const { dev, license } = parent
  return { version, cpu: [processor], ...(dev && { dev }), ...libc, license, optional: true, os: [system] }
}
