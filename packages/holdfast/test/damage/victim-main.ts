/**
 * Makes the store that is damaged: partly in the database, partly in its log, with live state of another process, and
 * left as two processes leave it that are killed at once.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { open } from "../built-package.ts"

/** Commits in the database, and as many in the log. */
export const COMMITS = 48

/** Commits write these cells in turn, one that counts them, and the first half each a cell of its own. */
export const CELLS = 16

/** What the n-th commit wrote. */
export function valueOf(n: number): { readonly n: number; readonly fill: Uint8Array } {
  return { n, fill: new Uint8Array((n * 137) % 3000).fill(n) }
}

async function work(address: string, from: number): Promise<void> {
  const hf = await open(address)
  const square = hf.operation("square", { version: 1, effects: "pure", run: (_context, x: number) => x * x })
  for (let n = from; n < from + COMMITS; n += 1) {
    await hf.transact((tx) => {
      tx.set(hf.cell(`cell/${String(n % CELLS)}`), valueOf(n))
      tx.set(hf.cell("count"), n)
      if (n <= COMMITS) tx.set(hf.cell(`own/${String(n)}`), valueOf(n))
    })
    if (n % 4 === 0) await square(n)
  }
  if (from === 1) await hf.close()
}

async function hold(address: string): Promise<void> {
  const hf = await open(address)
  await hf.lock("held").acquire()
  process.send?.("held")
  await hf.lock("held").acquire()
}

const [, program, role, address] = process.argv
if (program === fileURLToPath(import.meta.url)) {
  if (role === "hold") await hold(String(address))
  else {
    await work(String(address), 1)
    const keeper = await open(String(address))
    const guest = fork(program, ["hold", String(address)])
    await once(guest, "message")
    await work(String(address), COMMITS + 1)
    // So that the guest's wait is there as well: whatever is asked after it comes after it.
    while ((await keeper.inspect()).locks.every(({ waiterCount }) => waiterCount === 0));
    guest.kill("SIGKILL")
    process.kill(process.pid, "SIGKILL")
  }
}
