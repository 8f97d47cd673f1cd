import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it, onTestFinished } from "vitest"
import { systemEnv } from "../../../env/index.ts"
import { type Folder, openFolder } from "../folder/folder.ts"
import { clearUnfinished, findUnfinished, Unfinished } from "./unfinished.ts"

function makeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "holdfast-unfinished-"))
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true })
  })
  return openFolder(path, systemEnv)
}

it("what is under way stays, and what nobody alive works on goes (L6)", () => {
  const folder = makeFolder()
  const work = Unfinished.inStore(folder, systemEnv, "export")
  mkdirSync(join(work.path, "00"), { recursive: true })
  mkdirSync(join(folder.path, "backup-of-somebody-who-was-killed"))
  mkdirSync(join(folder.path, "backup"))
  expect(findUnfinished(folder, systemEnv)).toEqual(["backup-of-somebody-who-was-killed"])
  expect(clearUnfinished(folder, systemEnv)).toBe(1)
  expect(existsSync(join(work.path, "00"))).toBe(true)
  work.end()
  work.end()
  expect(clearUnfinished(folder, systemEnv)).toBe(0)
  expect(readdirSync(folder.path)).toContain("backup")
  expect(existsSync(work.path)).toBe(false)
})

it("begins with what others left removed, and ends all at once where the process ends", () => {
  const folder = makeFolder()
  mkdirSync(join(folder.path, "import-of-somebody-who-was-killed"))
  const work = Unfinished.inStore(folder, systemEnv, "import")
  mkdirSync(work.path)
  const file = Unfinished.at(join(folder.path, "file"))
  writeFileSync(file.path, "")
  const listening = process.listenerCount("SIGTERM")
  expect(readdirSync(folder.path).filter((name) => name.startsWith("import-"))).toHaveLength(1)
  Unfinished.endAll()
  expect([existsSync(work.path), existsSync(file.path)]).toEqual([false, false])
  // With nothing left, a signal ends the process by itself again.
  expect(process.listenerCount("SIGTERM")).toBe(listening - 1)
})
