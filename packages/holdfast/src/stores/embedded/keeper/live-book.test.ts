import { describe, expect, it } from "vitest"
import { type KeeperLiveLog, LiveBook } from "./live-book.ts"
import type { LogChange } from "./live-lines.ts"

/** A log in memory. */
class Log implements KeeperLiveLog {
  found: readonly LogChange[] = []
  lines: LogChange[] = []
  isLong = false

  append(changes: readonly LogChange[]): boolean {
    this.lines.push(...changes)
    return this.isLong
  }

  rewrite(changes: Iterable<LogChange>): void {
    this.lines = [...changes]
  }
}

function session(id: string, batch = 0): LogChange {
  const row = { kind: "session", session: id as never, label: id } as const // Brand constructor.
  return { key: `session:${id}`, entry: { kind: "live", client: "c", row, run: null }, batch }
}

function end(id: string, batch: number): LogChange {
  return { key: `session:${id}`, entry: null, batch }
}

const LOGGED = { isLogged: true }
const NOTHING = (): readonly LogChange[] => []

describe("the live book", () => {
  it("counts what rests on nothing at once, and the rest when its batch is durable (O1, S3)", () => {
    const log = new Log()
    const book = new LiveBook(log, 3)
    book.note(session("one"), LOGGED)
    book.note(session("two", 5), LOGGED)
    book.note(end("one", 4), LOGGED)
    expect([...book.entries().keys()]).toEqual(["session:one"])
    book.write(NOTHING)
    expect(log.lines).toHaveLength(3)
    book.settle(4)
    expect([...book.entries().keys()]).toEqual([])
    book.settle(5)
    book.settle(6)
    expect(book.get("session:two")).toBeDefined()
  })

  it("takes up a log without what rests on a batch that never was durable (S3)", () => {
    const log = new Log()
    log.found = [session("one"), session("two", 4), end("one", 5)]
    const book = new LiveBook(log, 4)
    expect([...book.entries().keys()]).toEqual(["session:one", "session:two"])
    // Nor may it be taken for true when batch 5 is durable some day.
    expect(log.lines.map(({ key, batch }) => [key, batch])).toEqual([
      ["session:one", 0],
      ["session:two", 0],
    ])
  })

  it("logs nothing of the keeper's own process, and drops replies along with what is written (S4)", () => {
    const log = new Log()
    const book = new LiveBook(log, 0)
    book.note(session("local"), { isLogged: false })
    book.write(() => expect.fail("nothing is written"))
    expect(log.lines).toEqual([])
    book.note(session("far"), LOGGED)
    book.write(() => [end("gone", 0)])
    expect(log.lines.map(({ key }) => key)).toEqual(["session:far", "session:gone"])
    log.isLong = true
    book.note(session("next", 2), LOGGED)
    book.note(session("near", 2), { isLogged: false })
    book.write(NOTHING)
    expect(log.lines.map(({ key, batch }) => [key, batch])).toEqual([
      ["session:far", 0],
      ["session:next", 2],
    ])
  })

  it("takes out of the log what a client has that lives with the keeper by now, and keeps it in mind (S4)", () => {
    const log = new Log()
    log.found = [session("one"), session("two")]
    const book = new LiveBook(log, 0)
    book.note(session("three", 1), LOGGED)
    book.write(NOTHING)
    expect(book.unlog("c")).toEqual(["session:one", "session:two"])
    expect(book.unlog("another")).toEqual([])
    book.write(NOTHING)
    expect(log.lines.slice(3)).toEqual([end("one", 0), end("two", 0)])
    expect([...book.entries().keys()]).toEqual(["session:one", "session:two"])
    // What was on its way into the log counts, and is written no more.
    book.settle(1)
    expect(book.get("session:three")).toBeDefined()
    log.isLong = true
    book.note(session("four"), LOGGED)
    book.write(NOTHING)
    expect(log.lines).toEqual([session("four")])
  })

  it("forgets what rests on a batch that failed (S5)", () => {
    const log = new Log()
    const book = new LiveBook(log, 0)
    book.note(session("one"), LOGGED)
    book.note(end("one", 1), LOGGED)
    book.write(NOTHING)
    book.rollBack()
    book.settle(2)
    expect(book.get("session:one")).toBeDefined()
    expect(log.lines).toEqual([session("one")])
  })
})
