import { closeSync, mkdtempSync, openSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { type Env, systemEnv } from "../../../env/index.ts"
import { type ClientId, ClientLock, isAlive } from "./client-lock.ts"
import { tryLockRange } from "./file-lock.ts"
import { type Folder, openFolder, readSurroundings } from "./folder.ts"

function makeFolder(platform: NodeJS.Platform): Folder {
  const path = mkdtempSync(join(tmpdir(), "holdfast-client-"))
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true })
  })
  return openFolder(path, systemEnv, { ...readSurroundings(), platform })
}

// On Linux whole-file locks behave as on macOS, so both ways can be tried here.
describe.each(["linux", "darwin"] as const)("a client's sign of life (as on %s)", (platform) => {
  it("is there from taking to closing, for its own process too (L6)", () => {
    const folder = makeFolder(platform)
    const client = ClientLock.take(folder, systemEnv)
    expect(client.isHeld).toBe(true)
    expect(isAlive(folder, systemEnv, client.id)).toBe(true)
    // Asking opened and closed the file, which would have ended a lock that belongs to the process.
    expect(isAlive(folder, systemEnv, client.id)).toBe(true)
    client.close()
    client.close()
    expect(client.isHeld).toBe(false)
    expect(isAlive(folder, systemEnv, client.id)).toBe(false)
  })

  it("is not confused with another's in the same process", () => {
    const folder = makeFolder(platform)
    const clients = Array.from({ length: 50 }, () => ClientLock.take(folder, systemEnv))
    const [first, ...others] = clients
    first?.close()
    expect(clients.map((client) => isAlive(folder, systemEnv, client.id))).toEqual([false, ...others.map(() => true)])
    for (const client of others) client.close()
  })

  it("is absent for a client that never was", () => {
    expect(isAlive(makeFolder(platform), systemEnv, "nobody" as ClientId)).toBe(false)
  })

  it("goes to another id where the first one's place is taken", () => {
    const folder = makeFolder(platform)
    const ids = ["first", "second"]
    const drawn: string[] = []
    const env: Env = {
      ...systemEnv,
      ids: {
        next() {
          const id = ids.shift() ?? systemEnv.ids.next()
          drawn.push(id)
          return id
        },
      },
      // One digest for the two: a collision.
      sha256: (bytes) => {
        const text = new TextDecoder().decode(bytes)
        return systemEnv.sha256(new TextEncoder().encode(text === "second" ? "first" : text))
      },
    }
    const first = ClientLock.take(folder, env)
    const third = ClientLock.take(folder, env)
    expect(first.id).toBe("first")
    expect(drawn).toEqual(["first", "second", third.id])
    third.close()
    expect(isAlive(folder, env, first.id)).toBe(true)
    first.close()
  })

  it("is refused where every place is taken", () => {
    const folder = makeFolder(platform)
    const env: Env = { ...systemEnv, sha256: () => "0123456789abcdef".repeat(4) }
    const client = ClientLock.take(folder, env)
    expect(() => ClientLock.take(folder, env)).toThrow(expect.objectContaining({ code: "STORE_UNAVAILABLE" }))
    client.close()
  })

  it("leaves no open file and no file of its own", () => {
    const folder = makeFolder(platform)
    const namesBefore = readdirSync(folder.path)
    const openBefore = countOpenFiles()
    for (let round = 0; round < 20; round += 1) {
      const client = ClientLock.take(folder, systemEnv)
      isAlive(folder, systemEnv, client.id)
      client.close()
      isAlive(folder, systemEnv, client.id)
    }
    expect(countOpenFiles()).toBe(openBefore)
    expect(readdirSync(folder.path)).toEqual(namesBefore)
  })
})

describe("the file of all clients", () => {
  it("may be asked by several at once: an asker is not taken for the client, nor the client for an asker", () => {
    const folder = makeFolder("linux")
    const env: Env = { ...systemEnv, sha256: () => "0000000000007".padEnd(64, "0") }
    const range = { offset: 7, length: 1 }
    const asker = openSync(folder.clientsLock, "r")
    expect(tryLockRange(asker, range, "shared")).toBe(true)
    expect(isAlive(folder, env, "dead" as ClientId)).toBe(false)
    closeSync(asker)
    const client = ClientLock.take(folder, env)
    expect(isAlive(folder, env, client.id)).toBe(true)
    client.close()
  })

  it("that is lost makes nobody dead: there is no telling", () => {
    const folder = makeFolder("linux")
    const client = ClientLock.take(folder, systemEnv)
    rmSync(folder.clientsLock)
    const refused = expect.objectContaining({ code: "STORE_UNAVAILABLE" })
    expect(() => isAlive(folder, systemEnv, client.id)).toThrow(refused)
    expect(() => ClientLock.take(folder, systemEnv)).toThrow(refused)
    client.close()
  })
})

function countOpenFiles(): number {
  return readdirSync(process.platform === "linux" ? "/proc/self/fd" : "/dev/fd").length
}
